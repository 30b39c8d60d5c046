// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Saturation is how much processor time or memory the instances of the version use. No SLO speaks of it: it is shown and warned of, and is judged only by a
// limit that the question has.
type Saturation struct {
	Resource    string `json:"resource"` // semconv.CPU or semconv.Memory
	Environment string `json:"environment"`
	// Metric is the one that says it, as OpenTelemetry calls it. Unit is 1 for a share of a limit, {cpu} for processors, or By.
	Metric string `json:"metric"`
	Unit   string `json:"unit"`
	// Of is what it is a share of, in words; "" if no limit is known.
	Of string `json:"of"`
	// State is Usual, Risen or Above.
	State string `json:"state"`
	// Fails says that the version fails for it.
	Fails bool `json:"fails"`
	// Of the version: how many instances say it, their mean, and the highest value of one.
	Instances int    `json:"instances"`
	Mean      Number `json:"mean"`
	Peak      Number `json:"peak"`
	// AboveSeconds is how long one of them was above the limit on end, and MeasuredSeconds how long one of them was measured.
	AboveSeconds    float64 `json:"above_seconds"`
	MeasuredSeconds float64 `json:"measured_seconds"`
	// Of what it is compared with: the instances beside it, or those before it.
	Compared          string  `json:"compared_with"`
	OtherInstances    int     `json:"other_instances"`
	OtherMean         Number  `json:"other_mean"`
	OtherPeak         Number  `json:"other_peak"`
	OtherAboveSeconds float64 `json:"other_above_seconds"`
}

// States of a Saturation: as before; risen, which is a warning; and above the limit of the question or what is unhealthy, which is one, too.
const (
	Usual = "usual"
	Risen = "risen"
	Above = "above"
)

const (
	// Sustained is how long an instance has to be above a limit on end, and how long it has to be measured to be below it: longer than what it does once
	// when it starts.
	Sustained = 5 * time.Minute
	// rises is how many times as much as the others is a warning, and halfFull the share of a limit below which it is none.
	rises    = 1.5
	halfFull = 0.5
	// recently is how old a sample may be, and over how much time a rate is: three times the interval in which an SDK sends metrics by default.
	recently = 3 * time.Minute
	// looks is how many times are looked at, at most, and soonest the shortest time between two.
	looks   = 60
	soonest = 30 * time.Second
	// maxSaturations bounds the answer, and maxWarnings what its reason says of it.
	maxSaturations = 50
	maxWarnings    = 2
)

// saturate finds how much the version uses. What is not measured is said, and fails nothing.
func (q Question) saturate(ctx context.Context, source Source, r *Result) error {
	if q.Flag != "" {
		return nil // a variant has no process of its own
	}
	used, err := q.use(ctx, source, r.Since, r.Until)
	if err != nil {
		if q.MaxSaturation > 0 {
			return err
		}
		r.Unmeasured = "CPU and memory could not be read."
		return nil
	}
	r.Saturation = used.rows(q)
	if len(r.Saturation) == 0 {
		r.Unmeasured = used.missing(q.Version)
	}
	for i := range r.Saturation {
		if s := &r.Saturation[i]; s.State != Usual {
			r.Warnings = append(r.Warnings, s.warning(q.limit()))
		}
	}
	r.limit(q)
	return nil
}

// limit judges by the limit of the question, if it has one, and adds the warnings to the reason.
//
// It is a limit and no test: a version whose instances are not above it for Sustained never fails by it, and none does that is so like what it is compared
// with. A version passes when each of its measures was below it for as long.
func (r *Result) limit(q Question) {
	warnings := r.Warnings
	if q.MaxSaturation > 0 && r.Verdict != Fail {
		shares, short := 0, ""
		for i := range r.Saturation {
			s := &r.Saturation[i]
			switch {
			case s.Of == "":
			case s.exceeds():
				s.Fails = true
				r.Verdict, r.Reason = Fail, join(s.against(q.MaxSaturation), r.Reason)
				r.warn(slices.DeleteFunc(slices.Clone(warnings), func(w string) bool { return w == s.warning(q.limit()) }))
				return
			default:
				if shares++; s.MeasuredSeconds < Sustained.Seconds() {
					short = fmt.Sprintf("%s has been measured for %s of the %s that a limit takes.", s.name(), length(s.MeasuredSeconds), length(Sustained.Seconds()))
				}
			}
		}
		if r.Verdict == Pass && shares == 0 {
			short = cmp.Or(r.Unmeasured, "CPU and memory are measured, but not their limits.") + " So it is not known whether the limit is kept."
		}
		if r.Verdict == Pass && short != "" {
			r.Verdict, r.Reason = Inconclusive, join(short, r.Reason)
		}
	}
	r.warn(warnings)
}

func (r *Result) warn(of []string) {
	for _, one := range of[:min(len(of), maxWarnings)] {
		r.Reason = join(r.Reason, "Warning: "+one)
	}
}

// ParseSaturation reads a limit: a percentage such as 90%, or a share such as 0.9. "" is none.
func ParseSaturation(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, percentage := strings.CutSuffix(text, "%")
	limit, err := strconv.ParseFloat(number, 64)
	if percentage {
		limit /= 100
	}
	if err != nil || !(limit > 0 && limit <= 1) {
		return 0, fmt.Errorf("%.60q is no limit of saturation: write a percentage from 0 to 100%%, such as 90%%", text)
	}
	return limit, nil
}

// limit is the share of a limit that is too much.
func (q Question) limit() float64 { return cmp.Or(q.MaxSaturation, semconv.Saturated) }

func (s *Saturation) exceeds() bool {
	return s.Of != "" && s.AboveSeconds >= Sustained.Seconds() && s.OtherAboveSeconds < Sustained.Seconds()
}

// Label is the resource as people write it.
func (s *Saturation) Label() string {
	if s.Resource == semconv.CPU {
		return "CPU"
	}
	return "Memory"
}

func (s *Saturation) name() string {
	name := s.Label()
	if s.Environment != "" {
		name += " (" + s.Environment + ")"
	}
	return name
}

// Amount is a value of it as people write it.
func (s *Saturation) Amount(n Number) string {
	const mega = 1e6
	switch {
	case !n.Known():
		return "–"
	case s.Of != "":
		return strconv.FormatFloat(100*float64(n), 'f', 0, 64) + " %"
	case s.Resource == semconv.CPU:
		return figure(n) + " processors"
	}
	return figure(n/mega) + " MB"
}

// Others are what it is compared with, in words.
func (s *Saturation) Others() string {
	return plural(s.OtherInstances, "instance") + " of the " + s.Compared
}

// share is what it is a share of, for sentences.
func (s *Saturation) share() string {
	if s.Of == "" {
		return ""
	}
	return " of " + s.Of
}

func (s *Saturation) warning(limit float64) string {
	if s.State == Above {
		text := fmt.Sprintf("%s of an instance was above %s%s for %s, and up to %s", s.name(), s.Amount(Number(limit)), s.share(), length(s.AboveSeconds), s.Amount(s.Peak))
		if s.OtherAboveSeconds >= Sustained.Seconds() {
			text += ", as one of the " + s.Compared
		}
		return text + "." + s.beside()
	}
	return fmt.Sprintf("%s rose from %s to %s%s: means of %s, and of %d of this one.", s.name(), s.Amount(s.OtherMean), s.Amount(s.Mean), s.share(), s.Others(), s.Instances)
}

func (s *Saturation) against(limit float64) string {
	return fmt.Sprintf("%s of an instance was above %s%s for %s on end, and up to %s; the mean of %s is %s.%s",
		s.name(), s.Amount(Number(limit)), s.share(), length(s.AboveSeconds), s.Amount(s.Peak), plural(s.Instances, "instance"), s.Amount(s.Mean), s.beside())
}

func (s *Saturation) beside() string {
	if s.Compared == "" {
		return ""
	}
	return fmt.Sprintf(" Of the %s, the mean of %s is %s, and the highest %s.", s.Compared, plural(s.OtherInstances, "instance"), s.Amount(s.OtherMean), s.Amount(s.OtherPeak))
}

func length(seconds float64) string { return time.Duration(seconds * float64(time.Second)).String() }
