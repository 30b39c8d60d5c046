// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

// mostEvents bounds the numbers of a correction: what a counter can hold.
const mostEvents = 1e13

// events is a number of events.
var events = shape[float64]{
	read: func(r *reader, at place, into *float64) bool {
		v, ok := number(at.node)
		if !ok || v < 0 || v > mostEvents {
			r.problem(at, "is not a number of events", "write one from 0 to 1e13")
			return false
		}
		*into = v
		return true
	},
	write:  numberNode,
	schema: schema{"type": "number", "minimum": 0, "maximum": mostEvents}, name: "number of events",
}

// numbersOfSet wants numbers only with as: set. One that is missing is 0.
func numbersOfSet(r *reader, at place, c *Correction) {
	for _, key := range []string{"good", "bad"} {
		if value, ok := at.lookup(key); ok && c.As != Set && c.As != "" {
			r.problem(value, "has no effect with as: "+string(c.As), "delete it, or write as: set")
		}
	}
}

// numbersOfOne refuses numbers where it is not clear what they are of: they replace what the collector has counted of one SLO in one place.
func numbersOfOne(r *reader, spec place, s *Service) {
	refuseNumbers(r, spec.key("corrections"), s.Corrections, "would give each SLO of the service the same numbers", "write the correction for each SLO, with its own")
	for i, slo := range s.SLOs {
		list := spec.key("slos").item(i).key("corrections")
		switch {
		case slo.SLI.Prometheus != nil:
			refuseNumbers(r, list, slo.Corrections, "has numbers, but the collector does not count this SLI, and rules cannot change what they have recorded", "write as: excluded, or correct the series")
		case len(slo.GroupBy) > 0:
			refuseNumbers(r, list, slo.Corrections, "would give each group the same numbers", "write as: excluded, or another SLO without groupBy")
		case len(s.Environments) != 1:
			refuseNumbers(r, list, slo.Corrections, "would give each environment the same numbers", "list the one environment of the service in environments")
		}
	}
}

func refuseNumbers(r *reader, list place, corrections []Correction, message, fix string) {
	for i := range corrections {
		if corrections[i].As == Set {
			r.problem(list.item(i).key("as"), message, fix)
		}
	}
}

// numbersOfNone refuses numbers in Defaults, which are for any number of services.
func numbersOfNone(r *reader, spec place, s *Service) {
	const message, fix = "would give each service the same numbers", "write a document of the service, with its own"
	refuseNumbers(r, spec.key("corrections"), s.Corrections, message, fix)
	for i, slo := range s.SLOs {
		refuseNumbers(r, spec.key("slos").item(i).key("corrections"), slo.Corrections, message, fix)
	}
}
