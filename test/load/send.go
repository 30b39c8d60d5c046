// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func serviceName(n int) string { return fmt.Sprintf("service-%05d", n) }

// writeCatalog writes the services, a hundred to a file. Without environments, the SLOs have those that are seen.
func (l load) writeCatalog(folder string, environments bool) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	var b strings.Builder
	for n := range l.services {
		fmt.Fprintf(&b, "---\napiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: %s, namespace: load}\nspec:\n  owner: team\n", serviceName(n))
		if environments {
			b.WriteString("  environments: [production]\n")
		}
		b.WriteString("  slos:\n")
		for s := range l.slos {
			fmt.Fprintf(&b, "    - {name: slo-%d, objective: 99, window: 30d, sli: {availability: {}}}\n", s)
		}
		if n%100 == 99 || n == l.services-1 {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.yaml", n)), []byte(b.String()), 0o600); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return nil
}

// send sends the counters of all senders at each interval, which are spread over it, until the context ends.
func (l load) send(ctx context.Context, c *collector) error {
	began := time.Now()
	var bad error
	for round := 0; ; round++ {
		for sender := range l.senders {
			wait(ctx, time.Until(began.Add(time.Duration(round*l.senders+sender)*l.interval/time.Duration(l.senders))))
			if ctx.Err() != nil {
				return bad
			}
			if l.silent && round > 0 {
				continue
			}
			for first := 0; first < l.services; first += 500 {
				if err := post(ctx, c.otlp+"/v1/metrics", l.counters(began, round, sender, first)); err != nil && ctx.Err() == nil {
					return err
				}
			}
		}
	}
}

// counters are those of 500 services, as sli emits them: a scope for each service.
func (l load) counters(began time.Time, round, sender, first int) pmetric.Metrics {
	all := l.perSecond * l.interval.Seconds()
	if l.traffic {
		all *= float64(round + 1)
	}
	bad := float64(int(all / 100))
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(semconv.ServiceName, "otelcol-sre")
	rm.Resource().Attributes().PutStr(semconv.ServiceInstanceID, fmt.Sprintf("agent-%d", sender))
	now := pcommon.NewTimestampFromTime(time.Now())
	for n := first; n < min(first+500, l.services); n++ {
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.Scope().SetName("github.com/otelcol-sre/otelcol-sre/connectors/sli")
		sm.Scope().Attributes().PutStr(semconv.SLOService, "load/"+serviceName(n))
		m := sm.Metrics().AppendEmpty()
		m.SetName(semconv.SLOEvents.Name)
		m.SetUnit(semconv.SLOEvents.Unit)
		m.SetDescription(semconv.SLOEvents.Description)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for s := range l.slos {
			for outcome, value := range map[string]float64{semconv.Good: all - bad, semconv.Bad: bad} {
				p := sum.DataPoints().AppendEmpty()
				p.SetStartTimestamp(pcommon.NewTimestampFromTime(began.Add(-time.Second)))
				p.SetTimestamp(now)
				p.SetDoubleValue(value)
				p.Attributes().PutStr(semconv.ServiceName, serviceName(n))
				p.Attributes().PutStr(semconv.ServiceNamespace, "load")
				p.Attributes().PutStr(semconv.Environment, "production")
				p.Attributes().PutStr(semconv.SLOName, fmt.Sprintf("slo-%d", s))
				p.Attributes().PutStr(semconv.SLOOutcome, outcome)
			}
		}
	}
	return md
}

func post(ctx context.Context, url string, md pmetric.Metrics) error {
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	if err != nil {
		return err
	}
	return postBytes(ctx, url, body)
}

func postBytes(ctx context.Context, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %.200s", url, response.Status, text)
	}
	return err
}
