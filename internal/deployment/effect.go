// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An Effect is what a deployment did to the SLO whose budget it cost most. The zero value says that nothing is known.
type Effect struct {
	SLO string
	// Times is how many times as often events of the new version were bad as those of the others. The true number is between Low and High, whenever one looks. High
	// is 0 if there is no bound: the others never failed.
	Times, Low, High float64
	// Spent is the time, in seconds, in which the budget allows as many bad events as the new version had more than the others; 0 if it is not known.
	Spent float64
	// At is when it was found. Final is the last one: the version is compared for an hour.
	At    time.Time
	Final bool
}

// A Verdict is an effect in one word.
type Verdict string

// The verdicts. Undecided says that the version may be as good as the others.
const (
	Worse     Verdict = "worse"
	Better    Verdict = "better"
	Undecided Verdict = "undecided"
)

// Verdict is empty if nothing is known.
func (e *Effect) Verdict() Verdict {
	switch {
	case e.SLO == "":
		return ""
	case e.Low > 1:
		return Worse
	case e.High > 0 && e.High < 1:
		return Better
	}
	return Undecided
}

// String is a part of a sentence, such as: availability failed 4 times as often (2.5 to 6.6), which cost 8h0m of the budget.
func (e *Effect) String() string {
	if e.SLO == "" {
		return ""
	}
	high := "any"
	if e.High > 0 {
		high = fmt.Sprintf("%.3g", e.High)
	}
	text := fmt.Sprintf("%s failed %.3g times as often (%.3g to %s)", e.SLO, e.Times, e.Low, high)
	switch spent := e.spent(); {
	case e.Verdict() == Worse && spent != "":
		text += ", which cost " + spent + " of the budget"
	case e.Verdict() == Undecided:
		text += ", which may be chance"
	}
	return text
}

// spent is in seconds, or in hours and minutes; empty if there is nothing to say.
func (e *Effect) spent() string {
	const most = 10 * 365 * 24 * time.Hour
	switch seconds := min(e.Spent, most.Seconds()); {
	case seconds < 1:
		return ""
	case seconds < 60:
		return (time.Duration(seconds) * time.Second).String()
	default:
		return strings.TrimSuffix((time.Duration(seconds/60) * time.Minute).String(), "0s")
	}
}

// numbers are the attributes that are numbers of 0 or more.
func (e *Effect) numbers() [4]struct {
	key   string
	value *float64
} {
	return [...]struct {
		key   string
		value *float64
	}{
		{semconv.DeploymentEffectTimes, &e.Times}, {semconv.DeploymentEffectLow, &e.Low},
		{semconv.DeploymentEffectHigh, &e.High}, {semconv.DeploymentBudgetSpent, &e.Spent},
	}
}

func (e *Effect) write(m pcommon.Map) {
	if e.SLO == "" {
		return
	}
	m.PutStr(semconv.DeploymentVerdict, string(e.Verdict()))
	m.PutStr(semconv.DeploymentEffectSLO, e.SLO)
	for _, number := range e.numbers() {
		if number.key != semconv.DeploymentEffectHigh || e.High > 0 {
			m.PutDouble(number.key, *number.value)
		}
	}
	m.PutStr(semconv.DeploymentEffectTime, e.At.UTC().Format(time.RFC3339Nano))
	if e.Final {
		m.PutBool(semconv.DeploymentEffectFinal, true)
	}
}

// read is the way back. What is no number of 0 or more is left out.
func (e *Effect) read(m pcommon.Map, text func(key string) (string, error)) error {
	slo, err := text(semconv.DeploymentEffectSLO)
	if err != nil || slo == "" {
		return err
	}
	at, err := text(semconv.DeploymentEffectTime)
	if err != nil {
		return err
	}
	e.SLO = slo
	if at != "" {
		if e.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return fmt.Errorf("%s is %.60q; write it as 2006-01-02T15:04:05Z", semconv.DeploymentEffectTime, at)
		}
	}
	for _, number := range e.numbers() {
		v, ok := m.Get(number.key)
		if !ok {
			continue
		}
		n := v.Double()
		if v.Type() == pcommon.ValueTypeInt {
			n = float64(v.Int())
		}
		if n >= 0 && !math.IsInf(n, 1) {
			*number.value = n
		}
	}
	if v, ok := m.Get(semconv.DeploymentEffectFinal); ok {
		e.Final = v.Bool()
	}
	return nil
}

// later is the effect that was found later.
func (e *Effect) later(other *Effect) Effect {
	if cmp.Or(other.At.Compare(e.At), cmp.Compare(other.SLO, e.SLO)) > 0 {
		return *other
	}
	return *e
}
