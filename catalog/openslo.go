// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/OpenSLO/go-sdk/pkg/openslo"
	openslov1 "github.com/OpenSLO/go-sdk/pkg/openslo/v1"
)

// A document is an object of OpenSLO and where it is.
type document[T any] struct {
	object T
	at     place
	broken bool
}

// openSLODocuments are the objects of all files: they refer to each other by name.
type openSLODocuments struct {
	services    []document[openslov1.Service]
	slos        []document[openslov1.SLO]
	slis        map[string]document[openslov1.SLI]
	dataSources map[string]document[openslov1.DataSource]
	policies    map[string]document[openslov1.AlertPolicy]
	conditions  map[string]document[openslov1.AlertCondition]
}

func (l *loader) readOpenSLO(doc place, apiVersion string) {
	if apiVersion != string(openslov1.APIVersion) {
		converted, ok := l.openSLOv1(doc, apiVersion)
		if !ok {
			return
		}
		doc = converted
	}
	kind := openslo.Kind(doc.text("kind"))
	switch kind {
	case openslo.KindSLO:
		namedReferences(doc)
		withoutThresholds(doc)
	case openslo.KindAlertPolicy:
		namedReferences(doc)
	}
	switch kind {
	case openslo.KindService:
		l.openSLO.services = append(l.openSLO.services, readObject[openslov1.Service](l, doc))
	case openslo.KindSLO:
		l.openSLO.slos = append(l.openSLO.slos, readObject[openslov1.SLO](l, doc))
	case openslo.KindSLI:
		keep(l, &l.openSLO.slis, readObject[openslov1.SLI](l, doc))
	case openslo.KindDataSource:
		keep(l, &l.openSLO.dataSources, decodeObject[openslov1.DataSource](l, doc))
	case openslo.KindAlertPolicy:
		keep(l, &l.openSLO.policies, decodeObject[openslov1.AlertPolicy](l, doc))
	case openslo.KindAlertCondition:
		keep(l, &l.openSLO.conditions, decodeObject[openslov1.AlertCondition](l, doc))
	case openslo.KindAlertNotificationTarget: // the routes of Alertmanager say where alerts go
	default:
		l.problem(doc.key("kind"), quote(string(kind))+" is not a kind of OpenSLO", "write Service, SLO, SLI, DataSource, AlertPolicy or AlertCondition")
	}
}

func readObject[T interface {
	openslo.Object
	Validate() error
}](l *loader, doc place) document[T] {
	d := document[T]{at: doc}
	before := l.errors
	if l.decodeForeign(doc, &d.object) {
		l.checkSDK(doc, d.object.Validate())
	}
	d.broken = l.errors > before
	return d
}

// decodeObject reads an object of which little is used: what it is used for is checked there.
func decodeObject[T any](l *loader, doc place) document[T] {
	d := document[T]{at: doc}
	d.broken = !l.decodeForeign(doc, &d.object)
	return d
}

// withoutThresholds removes the comparisons that many write beside a ratio, where they have no meaning.
func withoutThresholds(doc place) {
	spec := doc.key("spec")
	if _, ratio := spec.key("indicator", "spec").lookup("ratioMetric"); !ratio {
		return
	}
	if objectives, ok := spec.lookup("objectives"); ok && objectives.node.Kind == yaml.SequenceNode {
		for _, objective := range objectives.node.Content {
			remove(objective, "op")
			remove(objective, "value")
		}
	}
}

// keep files an object under its name.
func keep[T openslo.Object](l *loader, objects *map[string]document[T], d document[T]) {
	if *objects == nil {
		*objects = map[string]document[T]{}
	}
	name := d.object.GetName()
	if first, twice := (*objects)[name]; twice && !d.broken {
		l.problem(d.at.key("metadata", "name"), fmt.Sprintf("%s %s is also defined at %s", d.object.GetKind(), quote(name), first.at.position()), "rename one of them")
		return
	}
	(*objects)[name] = d
}

// finishOpenSLO builds services from the objects of all files.
func (l *loader) finishOpenSLO() {
	services := map[string]*definition{}
	for _, d := range l.openSLO.services {
		service := l.openSLOService(d)
		l.services = append(l.services, service)
		if services[d.object.Metadata.Name] == nil {
			services[d.object.Metadata.Name] = service
		}
	}
	for _, d := range l.openSLO.slos {
		nameAt := d.at.key("spec", "service")
		service := services[d.object.Spec.Service]
		if service == nil {
			service = &definition{
				Service: &Service{Name: d.object.Spec.Service, Tier: defaultTier, Position: d.at.position()},
				at:      d.at, name: nameAt, joins: true,
			}
			if service.Name != "" {
				services[service.Name] = service
				service.broken = !l.pass(nameAt, service.Name, append([]check{bounded(maxName)}, nameChecks...)...)
			} else {
				service.broken = true
			}
			l.services = append(l.services, service)
		}
		if d.broken {
			service.broken = true
			continue
		}
		l.openSLOObjectives(service, d)
	}
	for _, service := range services {
		if !service.broken {
			nameWorkload(nil, place{}, service.Service)
		}
	}
}

func (l *loader) openSLOService(d document[openslov1.Service]) *definition {
	metadata := d.object.Metadata
	s := &Service{Name: metadata.Name, Tier: defaultTier, Description: d.object.Spec.Description, Position: d.at.position()}
	if s.Description == "" {
		s.Description = metadata.DisplayName
	}
	service := &definition{Service: s, at: d.at, name: d.at.key("metadata", "name"), broken: d.broken}
	if d.broken {
		return service
	}
	before := l.errors
	if s.Description != "" {
		l.pass(d.at.key("spec", "description"), s.Description, bounded(maxText), printable(true))
	}
	service.Labels = l.openSLOLabels(d.at.key("metadata", "labels"), metadata.Labels)
	annotations := d.at.key("metadata", "annotations")
	service.dependsOn = annotations
	for _, m := range annotated {
		if value, ok := annotations.lookup(annotationPrefix + m.key); ok {
			if value, ok = l.nested(value); ok {
				m.read(&l.reader, value, s)
			}
		}
	}
	service.broken = l.errors > before
	return service
}

// nested reads the text of an annotation as YAML. All its positions are the annotation's.
func (l *loader) nested(at place) (place, bool) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(at.node.Value), &doc); err != nil || len(doc.Content) == 0 {
		l.problem(at, quote(at.node.Value)+" is not YAML", "write it as in a catalog document")
		return place{}, false
	}
	inner := place{file: at.file, node: doc.Content[0], path: at.path}
	if !l.expand(inner) {
		return place{}, false
	}
	var move func(*yaml.Node)
	move = func(n *yaml.Node) {
		n.Line, n.Column = at.node.Line, at.node.Column
		for _, child := range n.Content {
			move(child)
		}
	}
	move(inner.node)
	return inner, true
}

func (l *loader) openSLOLabels(at place, labels openslov1.Labels) map[string]string {
	var passed map[string]string
	for _, key := range sortedKeys(labels) {
		value := strings.Join(labels[key], ", ")
		if value != "" && l.pass(at.key(key), key, matches(labelKeyRegexp, "is not a label name", "use letters, digits, - _ . and /"), notReserved) &&
			l.pass(at.key(key), value, bounded(maxName), printable(false)) {
			set(&passed, key, value)
		}
	}
	return passed
}

// openSLOObjectives turns each objective of an OpenSLO SLO into an SLO.
func (l *loader) openSLOObjectives(service *definition, d document[openslov1.SLO]) {
	spec, before := d.object.Spec, l.errors
	defer func() { service.broken = service.broken || l.errors > before }()

	specAt, metadataAt := d.at.key("spec"), d.at.key("metadata")
	if spec.HasCompositeObjectives() {
		l.problem(specAt.key("objectives"), "composite objectives cannot be expressed", "write an SLO for each indicator")
		return
	}
	window := Window{Rolling: defaultWindow}
	if len(spec.TimeWindow) > 0 {
		var ok bool
		if window, ok = l.openSLOWindow(specAt.key("timeWindow").item(0), spec.TimeWindow[0]); !ok {
			return
		}
	}
	indicator, indicatorAt, ok := l.openSLOIndicator(specAt, spec)
	if !ok {
		return
	}
	labels := l.openSLOLabels(metadataAt.key("labels"), d.object.Metadata.Labels)
	alerts := l.openSLOAlerting(specAt.key("alertPolicies"), spec.AlertPolicies)
	names := objectiveNames(d.object)
	for i, objective := range spec.Objectives {
		at := specAt.key("objectives").item(i)
		slo := &SLO{Name: names[i], Description: spec.Description, Window: window, Position: at.position(), Labels: joined(labels, nil), Alerts: alerts.clone()}
		if slo.Description == "" {
			slo.Description = d.object.Metadata.DisplayName
		}
		if slo.Description != "" {
			l.pass(specAt.key("description"), slo.Description, bounded(maxText), printable(true))
		}
		l.readAnnotated(metadataAt, slo)
		slo.Objective = openSLOTarget(objective)
		if !l.pass(d.at.key("metadata", "name"), slo.Name, bounded(maxName), sloNameCheck) ||
			!l.pass(at, "", checkObjective(slo.Objective)) || !slo.AllowLowObjective && !l.pass(at, "", likelyObjective(slo.Objective)) ||
			!l.openSLOBudgeting(slo, spec, objective, at) {
			continue
		}
		queries, ok := l.openSLOQueries(indicator, indicatorAt, objective, at)
		if !ok {
			continue
		}
		slo.SLI.Prometheus = queries
		l.readEnvironmentLabel(metadataAt, queries)
		if service.has(slo.Name) {
			l.problem(d.at.key("metadata", "name"), quote(slo.Name)+" exists twice in service "+quote(service.Name), "give each SLO its own name")
			continue
		}
		service.group(&l.reader, indicatorAt, slo)
		slo.warnUnreachable(&l.reader, at)
		service.SLOs = append(service.SLOs, slo)
	}
}

// openSLOBudgeting is the budgeting method, with the slices of an objective.
func (l *loader) openSLOBudgeting(slo *SLO, spec openslov1.SLOSpec, objective openslov1.SLOObjective, at place) bool {
	switch spec.BudgetingMethod {
	case openslov1.SLOBudgetingMethodTimeslices:
		slo.Budgeting.Method = TimeSlices
	case openslov1.SLOBudgetingMethodRatioTimeslices:
		slo.Budgeting.Method = RatioTimeSlices
	default:
		return true
	}
	slo.Budgeting.Slice = defaultSlice
	if w := objective.TimeSliceWindow; w != nil && w.GetValue() > 0 {
		slo.Budgeting.Slice = w.Duration()
		if !l.pass(at.key("timeSliceWindow"), "", func(string) (string, string) { return checkSlice(slo.Budgeting.Slice) }) {
			return false
		}
	}
	if slo.Budgeting.Method == TimeSlices {
		if objective.TimeSliceTarget == nil {
			l.problem(at.key("timeSliceTarget"), "is missing", "add the share of good events from which a slice is good, such as 0.95")
			return false
		}
		slo.Budgeting.Target = timesTen(*objective.TimeSliceTarget, 2)
		return l.pass(at.key("timeSliceTarget"), "", checkObjective(slo.Budgeting.Target))
	}
	return true
}

func (s *Service) has(slo string) bool {
	for _, other := range s.SLOs {
		if other.Name == slo {
			return true
		}
	}
	return false
}

// objectiveNames are the names of the SLOs that an OpenSLO SLO becomes: its own if it has one
// objective, else with the objective's display name, or its number, behind it.
func objectiveNames(o openslov1.SLO) []string {
	base := o.Metadata.Name
	if own := o.Metadata.Annotations[annotationPrefix+"name"]; own != "" {
		base = own
	}
	if len(o.Spec.Objectives) == 1 {
		return []string{base}
	}
	names := make([]string, len(o.Spec.Objectives))
	taken := map[string]bool{}
	for i, objective := range o.Spec.Objectives {
		names[i] = base + "-" + slug(objective.DisplayName)
		if slug(objective.DisplayName) == "" || taken[names[i]] {
			names[i] = base + "-" + strconv.Itoa(i+1)
		}
		taken[names[i]] = true
	}
	return names
}

// slug writes a text as an SLO name.
func slug(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}), "-")
}

// openSLOTarget is the objective in percent, exactly: 99.9 for a target of 0.999.
func openSLOTarget(o openslov1.SLOObjective) float64 {
	if o.TargetPercent != nil {
		return *o.TargetPercent
	}
	return timesTen(*o.Target, 2)
}

// timesTen is v × 10ⁿ, computed on the decimal digits of v.
func timesTen(v float64, n int) float64 {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64))
	if !ok {
		return v
	}
	ten := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil))
	if n < 0 {
		ten.Inv(ten)
	}
	f, _ := r.Mul(r, ten).Float64()
	return f
}

func (l *loader) openSLOWindow(at place, w openslov1.SLOTimeWindow) (Window, bool) {
	if w.IsRolling {
		if w.Duration.GetValue() > 10_000 {
			return Window{}, l.pass(at.key("duration"), "", func(string) (string, string) { return "is too long", "write 1h to 366d" })
		}
		rolling := w.Duration.Duration()
		return Window{Rolling: rolling}, l.pass(at.key("duration"), "", func(string) (string, string) { return checkWindow(rolling) })
	}
	unit, ok := calendarUnits[w.Duration.String()]
	if !ok {
		l.problem(at.key("duration"), "a calendar window of "+cut(w.Duration.String())+" cannot be expressed", "write 1d, 1w, 1M, 1Q or 1Y")
		return Window{}, false
	}
	location, err := loadLocation(w.Calendar.TimeZone)
	if err != nil {
		l.problem(at.key("calendar", "timeZone"), quote(w.Calendar.TimeZone)+" is not a time zone", "write an IANA name, such as Europe/Madrid or UTC")
		return Window{}, false
	}
	start, ok := parseLocalTime(w.Calendar.StartTime)
	if !ok {
		l.problem(at.key("calendar", "startTime"), quote(w.Calendar.StartTime)+" is not a time", "write it as 2026-01-01 00:00:00")
		return Window{}, false
	}
	calendar := &Calendar{Unit: unit, Location: location, Start: start}
	calendar.normalize()
	return Window{Calendar: calendar}, true
}

var calendarUnits = map[string]CalendarUnit{
	"1d": Day, "24h": Day, "1w": Week, "7d": Week, "1M": Month, "3M": Quarter, "1Q": Quarter, "12M": Year, "4Q": Year, "1Y": Year,
}

// openSLOIndicator is the inline indicator, or the SLI that the SLO refers to.
func (l *loader) openSLOIndicator(specAt place, spec openslov1.SLOSpec) (openslov1.SLISpec, place, bool) {
	if spec.Indicator != nil {
		return spec.Indicator.Spec, specAt.key("indicator", "spec"), true
	}
	sli, ok := l.openSLO.slis[*spec.IndicatorRef]
	if !ok {
		l.problem(specAt.key("indicatorRef"), "there is no SLI "+quote(*spec.IndicatorRef), "add it to the folder, or correct the name")
		return openslov1.SLISpec{}, place{}, false
	}
	if sli.broken {
		l.problem(specAt.key("indicatorRef"), "the SLI at "+sli.at.position().String()+" is not valid", "fix it")
		return openslov1.SLISpec{}, place{}, false
	}
	return sli.object.Spec, sli.at.key("spec"), true
}
