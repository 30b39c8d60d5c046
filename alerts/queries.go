package alerts

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// queriedEvents are what the user's PromQL gives over a step. Its unit does not matter, events or events a
// second, as long as it is the same in both queries: only ratios are made of it.
//
// A query of a ratio has no number of events behind it, so each moment weighs the same: the one place
// where the rules weigh by time.
func (o objective) queriedEvents(p *catalog.Prometheus) (bad, total string) {
	query := func(q string) string {
		return o.names.by("sum", "("+catalog.RenderQuery(q, step)+"\n) >= 0", attrEnvironment) // no NaN
	}
	if p.ErrorRatio != "" {
		ratio := o.names.by("max", "("+catalog.RenderQuery(p.ErrorRatio, step)+"\n) >= 0", attrEnvironment)
		return o.judged("clamp_max(" + ratio + ", 1)"), o.judged("1 + 0 * " + ratio)
	}
	return o.judged(orNone(query(p.Errors), o.recorded(recordTotal))), o.judged(query(p.Total))
}

func (o objective) fastComment() string {
	if p := o.SLI.Prometheus; p != nil && p.ErrorRatio != "" {
		return "The SLI is a query of a ratio, without a number of events: every minute weighs the same."
	}
	return ""
}

func seconds(d time.Duration) string { return decimal(d.Seconds()) }

func unix(t time.Time) string { return decimal(float64(t.Unix())) }
