// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"maps"
	"time"

	openslov1 "github.com/OpenSLO/go-sdk/pkg/openslo/v1"
)

// OpenSLO writes the service as OpenSLO v1 documents: a Service and its SLOs. What OpenSLO
// has no field for is written as annotations, so that reading it again gives an equal service.
// The Problems name the SLOs that OpenSLO cannot express, and why; the text has the others.
func (s *Service) OpenSLO() ([]byte, Problems) {
	w := writer{service: s}
	metadata := openslov1.Metadata{Name: s.Name, Annotations: openslov1.Annotations{}}
	for key, value := range s.Labels {
		if metadata.Labels == nil {
			metadata.Labels = openslov1.Labels{}
		}
		metadata.Labels[key] = openslov1.Label{value}
	}
	for _, m := range annotated {
		if node := m.write(s); node != nil {
			metadata.Annotations[annotationPrefix+m.key] = inline(node)
		}
	}
	service := openslov1.NewService(metadata, openslov1.ServiceSpec{Description: s.Description})
	if err := service.Validate(); err != nil {
		w.invalid(s.Position, "the service", err)
		return nil, w.problems
	}
	objects := []any{service}
	for _, slo := range s.SLOs {
		if slo.SLI.Prometheus == nil {
			w.slo(slo, "the collector counts its events, but metric sources of OpenSLO are queries", "write it as sli: {prometheus: …} to convert it")
			continue
		}
		object := openSLOObject(s, slo)
		if err := object.Validate(); err != nil {
			w.invalid(slo.Position, "SLO "+quote(slo.Name), err)
			continue
		}
		objects = append(objects, object)
	}
	return w.documents(objects...), w.problems
}

// openSLOObject names the SLO after service and SLO: names of OpenSLO are global.
func openSLOObject(s *Service, slo *SLO) openslov1.SLO {
	metadata := openslov1.Metadata{
		Name:        objectName(s.Name + "-" + slo.Name),
		Annotations: openslov1.Annotations{annotationPrefix + "name": slo.Name},
	}
	for key, value := range slo.Labels {
		if metadata.Labels == nil {
			metadata.Labels = openslov1.Labels{}
		}
		metadata.Labels[key] = openslov1.Label{value}
	}
	maps.Copy(metadata.Annotations, writeAnnotated(slo, "labels"))
	target := timesTen(slo.Objective, -2)
	objective, method := openslov1.SLOObjective{Target: &target}, openslov1.SLOBudgetingMethodOccurrences
	if b := slo.Budgeting; b.Method != Occurrences {
		slice := openslov1.NewDurationShorthand(int(b.Slice/time.Minute), openslov1.DurationShorthandUnitMinute)
		objective.TimeSliceWindow, method = &slice, openslov1.SLOBudgetingMethodRatioTimeslices
		if b.Method == TimeSlices {
			good := timesTen(b.Target, -2)
			objective.TimeSliceTarget, method = &good, openslov1.SLOBudgetingMethodTimeslices
		}
	}
	return openslov1.NewSLO(metadata, openslov1.SLOSpec{
		Description:     slo.Description,
		Service:         s.Name,
		Indicator:       &openslov1.SLOIndicatorInline{Metadata: openslov1.Metadata{Name: metadata.Name}, Spec: openSLOIndicator(slo.SLI.Prometheus)},
		BudgetingMethod: method,
		TimeWindow:      []openslov1.SLOTimeWindow{openSLOTimeWindow(slo.Window)},
		Objectives:      []openslov1.SLOObjective{objective},
	})
}

func openSLOIndicator(p *Prometheus) openslov1.SLISpec {
	metric := func(query string) *openslov1.SLIMetricSpec {
		if query == "" {
			return nil
		}
		return &openslov1.SLIMetricSpec{MetricSource: openslov1.SLIMetricSource{Type: "Prometheus", Spec: map[string]any{"query": query}}}
	}
	if p.ErrorRatio != "" {
		return openslov1.SLISpec{RatioMetric: &openslov1.SLIRatioMetric{RawType: openslov1.SLIRawMetricTypeFailure, Raw: metric(p.ErrorRatio)}}
	}
	return openslov1.SLISpec{RatioMetric: &openslov1.SLIRatioMetric{Counter: true, Good: metric(p.Good), Bad: metric(p.Errors), Total: metric(p.Total)}}
}

func openSLOTimeWindow(w Window) openslov1.SLOTimeWindow {
	if c := w.Calendar; c != nil {
		shorthand := map[CalendarUnit]openslov1.DurationShorthandUnit{
			Day: openslov1.DurationShorthandUnitDay, Week: openslov1.DurationShorthandUnitWeek, Month: openslov1.DurationShorthandUnitMonth,
			Quarter: openslov1.DurationShorthandUnitQuarter, Year: openslov1.DurationShorthandUnitYear,
		}
		start := c.Start
		if start.IsZero() {
			start = firstStart
		}
		return openslov1.SLOTimeWindow{
			Duration: openslov1.NewDurationShorthand(1, shorthand[c.Unit]),
			Calendar: &openslov1.SLOCalendar{StartTime: start.Format(time.DateTime), TimeZone: c.Location.String()},
		}
	}
	for _, u := range []struct {
		length time.Duration
		unit   openslov1.DurationShorthandUnit
	}{{24 * time.Hour, openslov1.DurationShorthandUnitDay}, {time.Hour, openslov1.DurationShorthandUnitHour}} {
		if w.Rolling%u.length == 0 {
			return rolling(int(w.Rolling/u.length), u.unit)
		}
	}
	return rolling(int(w.Rolling/time.Minute), openslov1.DurationShorthandUnitMinute)
}

func rolling(n int, unit openslov1.DurationShorthandUnit) openslov1.SLOTimeWindow {
	return openslov1.SLOTimeWindow{Duration: openslov1.NewDurationShorthand(n, unit), IsRolling: true}
}

func (w *writer) invalid(at Position, what string, err error) {
	var r reader
	r.checkSDK(place{}, err)
	for _, p := range r.problems {
		w.add(Error, at, p.Path, what+" cannot be written as OpenSLO: "+p.Message, "OpenSLO allows names of at most 63 lower-case letters, digits and -, and descriptions of at most 1050 characters")
	}
}
