// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/internal/doctor"
)

const (
	// doctorAge is how old a diagnosis may be on its own page, and boxAge in the box of other pages.
	doctorAge = time.Second
	boxAge    = 30 * time.Second
	// boxFindings is how many findings a box shows.
	boxFindings = 3
	// ownPeriod is over which growth of the collector's own metrics is judged. It has several scrapes.
	ownPeriod = 5 * time.Minute
)

type doctorBody struct {
	// Own says whether the collector's own metrics could be read.
	Own bool `json:"own_metrics"`
	doctor.Report
}

// A clinic keeps the newest diagnosis.
type clinic struct {
	mu     sync.Mutex
	at     time.Time
	newest doctorBody
}

// doctor is the page of what does not count, and why.
func (s *site) doctor(r *http.Request) (*page, error) {
	body, err := s.diagnose(r.Context(), doctorAge)
	return &page{Title: "Doctor", Name: "doctor", Body: body, Problem: s.silent(err), Live: true}, nil
}

// A findingsBox is the most important findings.
type findingsBox struct {
	First []doctor.Finding
	More  int
}

// box is that of a page; nil if there is nothing to say, or nobody listens.
func (s *site) box(ctx context.Context) *findingsBox {
	if s.Arrivals == nil {
		return nil
	}
	body, _ := s.diagnose(ctx, boxAge) // the page says itself that Prometheus does not answer
	if len(body.Findings) == 0 {
		return nil
	}
	first := body.Findings[:min(len(body.Findings), boxFindings)]
	return &findingsBox{first, len(body.Findings) - len(first)}
}

// diagnose judges what arrived, or returns a diagnosis of at most that age. The error is that of Prometheus.
func (s *site) diagnose(ctx context.Context, age time.Duration) (doctorBody, error) {
	s.clinic.mu.Lock()
	defer s.clinic.mu.Unlock()
	now := s.Now()
	if since := now.Sub(s.clinic.at); !s.clinic.at.IsZero() && since >= 0 && since < age {
		return s.clinic.newest, nil
	}
	facts := doctor.Facts{Now: now, Catalog: s.Catalog(), Problems: s.Problems(), HasCatalog: !s.Reading().Time.IsZero()}
	if s.Arrivals != nil {
		facts.Senders, facts.Watched = s.Arrivals.Senders(), s.Arrivals.MaxBytes > 0
	}
	var err error
	if facts.Counted, err = s.counted(ctx); err != nil {
		facts.Counted = nil
	}
	body := doctorBody{Report: doctor.Diagnose(ctx, facts)}
	if err == nil {
		body.Findings, body.Own, err = s.own(ctx, body.Findings)
	}
	body.Findings = append(body.Findings, s.folders()...)
	doctor.Sort(body.Findings)
	if ctx.Err() == nil {
		s.clinic.at, s.clinic.newest = now, body
	}
	return body, err
}

// counted are the events of each SLO in the last ten minutes: what the counters were at the two ends of it, and not PromQL's increase, which extrapolates and
// finds 43 of 40 requests. A counter that is new, or began again, began at 0. Only where this finds nothing, increase may know of events before a restart.
func (s *site) counted(ctx context.Context) (map[doctor.SLOKey]float64, error) {
	n := s.Names
	of, now := names.List(n.Namespace, n.Service, n.SLO), n.Events.With()
	grown := names.By("sum", of, now+" - (("+now+" offset 10m <= "+now+") or "+now+" * 0)")
	events, err := s.Prometheus.Instant(ctx, "("+grown+" > 0) or "+names.By("sum", of, "increase("+now+"[10m])"))
	if err != nil {
		return nil, err
	}
	counted := map[doctor.SLOKey]float64{}
	for _, e := range events {
		counted[doctor.SLOKey{Namespace: n.Namespace.In(e.Metric), Service: n.Service.In(e.Metric), SLO: n.SLO.In(e.Metric)}] += float64(e.Value)
	}
	return counted, nil
}

// own adds to findings what the collectors' own metrics say, as far as this Prometheus has them.
func (s *site) own(ctx context.Context, findings []doctor.Finding) (_ []doctor.Finding, known bool, err error) {
	const query = `{__name__=~"` + doctor.OwnMetrics + `"}`
	now, err := s.Prometheus.Instant(ctx, query)
	if err != nil || len(now) == 0 {
		return findings, false, err
	}
	before, err := s.Prometheus.Instant(ctx, query+" offset "+model.Duration(ownPeriod).String())
	if err != nil {
		return findings, false, err
	}
	findings = doctor.Reconcile(findings, ownSamples(now))
	return append(findings, doctor.Own(ownSamples(before), ownSamples(now), ownPeriod)...), true, nil
}

func ownSamples(vector model.Vector) []doctor.Sample {
	samples := make([]doctor.Sample, len(vector))
	for i, v := range vector {
		labels := make(map[string]string, len(v.Metric))
		for name, value := range v.Metric {
			if name != model.MetricNameLabel {
				labels[string(name)] = string(value)
			}
		}
		samples[i] = doctor.Sample{Name: string(v.Metric[model.MetricNameLabel]), Labels: labels, Value: float64(v.Value)}
	}
	return samples
}

// folders reports what this page should show and does not find.
func (s *site) folders() (findings []doctor.Finding) {
	if s.Runbooks.Missing() {
		findings = append(findings, doctor.Finding{Check: doctor.CheckRunbooks, What: "there is neither a folder of runbooks nor a catalog with services, so alerts have no runbooks on this page",
			Fix: "name the catalog folder in OTELCOL_SRE_CATALOG, or a folder that `srectl generate runbooks` wrote in OTELCOL_SRE_RUNBOOKS"})
	}
	if s.Arrivals == nil || s.Arrivals.MaxBytes == 0 {
		findings = append(findings, doctor.Finding{Check: doctor.CheckNotWatched, What: "no samples of spans and log records are kept, so kinds and conditions are not judged",
			Fix: "set extensions::status_page::search::max_bytes above 0, and use the status_page exporter"})
	}
	return findings
}

const (
	// maxAnswers is how many spans and log records of a trace are explained.
	maxAnswers = 200
	traceBytes = 16
)

type whyNotBody struct {
	TraceID string          `json:"trace_id"`
	Answers []doctor.Answer `json:"answers"`
}

// whyNot explains the spans and log records of a trace that is kept.
func (s *site) whyNot(r *http.Request) (*page, error) {
	raw, err := hex.DecodeString(r.PathValue("trace"))
	if err != nil || len(raw) != traceBytes {
		return nil, &failure{http.StatusBadRequest, problem{"The trace ID cannot be read.", "Write its 32 hexadecimal digits."}}
	}
	id := pcommon.TraceID(raw)
	body := whyNotBody{TraceID: id.String(), Answers: []doctor.Answer{}}
	explainer := doctor.NewExplainer(s.Catalog())
	batches := s.Recent.Batches()
	slices.Reverse(batches) // the newest first
	for _, b := range batches {
		if r.Context().Err() != nil || len(body.Answers) >= maxAnswers {
			break
		}
		if b.Has([][]byte{id[:]}) {
			body.Answers = append(body.Answers, explain(r.Context(), explainer, b, id, maxAnswers-len(body.Answers))...)
		}
	}
	if len(body.Answers) == 0 {
		return nil, notFound("The trace is not among the recent spans and log records.", "Send it again, or explain a file with it: srectl why-not FILE.")
	}
	return &page{Title: "Trace " + body.TraceID, Name: "whynot", Body: body}, nil
}

func explain(ctx context.Context, explainer *doctor.Explainer, b recent.Batch, id pcommon.TraceID, most int) []doctor.Answer {
	if b.Signal() == recent.Spans {
		td, err := b.Traces()
		if err != nil {
			return nil
		}
		return explainer.Traces(ctx, td, func(span ptrace.Span) bool { return span.TraceID() == id }, most)
	}
	ld, err := b.Logs()
	if err != nil {
		return nil
	}
	return explainer.Logs(ctx, ld, func(record plog.LogRecord) bool { return record.TraceID() == id }, most)
}
