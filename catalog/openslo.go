// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/OpenSLO/go-sdk/pkg/openslo"
	openslov1 "github.com/OpenSLO/go-sdk/pkg/openslo/v1"
)

// annotationPrefix marks annotations with values that OpenSLO has no field for, as YAML.
const annotationPrefix = "catalog.otelcol-sre.dev/"

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
}

func (l *loader) readOpenSLO(doc place, apiVersion string) {
	if apiVersion != string(openslov1.APIVersion) {
		l.problem(doc.key("apiVersion"), quote(apiVersion)+" is not read", "use "+string(openslov1.APIVersion))
		return
	}
	switch kind := openslo.Kind(doc.text("kind")); kind {
	case openslo.KindService:
		l.openSLO.services = append(l.openSLO.services, readObject[openslov1.Service](l, doc))
	case openslo.KindSLO:
		l.openSLO.slos = append(l.openSLO.slos, l.readEventSLO(doc))
	case openslo.KindSLI:
		keep(l, &l.openSLO.slis, readObject[openslov1.SLI](l, doc))
	case openslo.KindDataSource:
		keep(l, &l.openSLO.dataSources, readObject[openslov1.DataSource](l, doc))
	case openslo.KindAlertPolicy, openslo.KindAlertCondition, openslo.KindAlertNotificationTarget:
		l.warning(doc, string(kind)+" is not read", "nothing to do; alerts are generated for every SLO")
	default:
		l.problem(doc.key("kind"), quote(string(kind))+" is not a kind of OpenSLO", "write Service, SLO, SLI or DataSource")
	}
}

// readEventSLO reads an SLO. An SLO that is not about events is rejected without further validation: other problems
// do not matter then.
func (l *loader) readEventSLO(doc place) document[openslov1.SLO] {
	method, ok := doc.key("spec").lookup("budgetingMethod")
	if !ok || method.node.Value == string(openslov1.SLOBudgetingMethodOccurrences) {
		return readObject[openslov1.SLO](l, doc)
	}
	l.problem(method, quote(method.node.Value)+" cannot be expressed: events are counted, not slices of time",
		"write Occurrences; then a threshold metric counts one event per minute")
	d := document[openslov1.SLO]{at: doc, broken: true}
	_ = remarshal(doc.node, &d.object) // for the name of its service, if it is readable
	return d
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
				at:      d.at, name: nameAt,
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
	l.openSLOLabels(service, metadata.Labels)
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

// annotated are the members of a service that OpenSLO keeps in annotations.
var annotated = func() []member[Service] {
	members := []member[Service]{namespaceMember}
	for _, m := range specMembers {
		if m.key != "description" && m.key != "slos" {
			members = append(members, m)
		}
	}
	return members
}()

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

func (l *loader) openSLOLabels(service *definition, labels openslov1.Labels) {
	for _, key := range sortedKeys(labels) {
		at := service.at.key("metadata", "labels", key)
		value := strings.Join(labels[key], ", ")
		if value == "" {
			continue
		}
		if l.pass(at, key, matches(labelKeyRegexp, "is not a label name", "use letters, digits, - _ . and /")) &&
			l.pass(at, value, bounded(maxName), printable(false)) {
			if service.Labels == nil {
				service.Labels = map[string]string{}
			}
			service.Labels[key] = value
		}
	}
}

// openSLOObjectives turns each objective of an OpenSLO SLO into an SLO.
func (l *loader) openSLOObjectives(service *definition, d document[openslov1.SLO]) {
	spec, before := d.object.Spec, l.errors
	defer func() { service.broken = service.broken || l.errors > before }()

	specAt := d.at.key("spec")
	if len(d.object.Metadata.Labels) > 0 {
		l.warning(d.at.key("metadata", "labels"), "labels of an SLO are ignored", "put them on the Service")
	}
	if len(spec.AlertPolicies) > 0 {
		l.warning(specAt.key("alertPolicies"), "alert policies are not read", "nothing to do; alerts are generated for every SLO")
	}
	if spec.HasCompositeObjectives() {
		l.problem(specAt.key("objectives"), "composite objectives cannot be expressed", "write an SLO for each indicator")
		return
	}
	window, ok := l.openSLOWindow(specAt.key("timeWindow").item(0), spec.TimeWindow[0])
	if !ok {
		return
	}
	indicator, indicatorAt, ok := l.openSLOIndicator(specAt, spec)
	if !ok {
		return
	}
	names := objectiveNames(d.object)
	for i, objective := range spec.Objectives {
		at := specAt.key("objectives").item(i)
		slo := &SLO{Name: names[i], Description: spec.Description, Window: window, Position: at.position()}
		if slo.Description == "" {
			slo.Description = d.object.Metadata.DisplayName
		}
		if slo.Description != "" {
			l.pass(specAt.key("description"), slo.Description, bounded(maxText), printable(true))
		}
		slo.Objective = openSLOTarget(objective)
		if !l.pass(d.at.key("metadata", "name"), slo.Name, bounded(maxName), sloNameCheck) ||
			!l.pass(at, "", checkObjective(slo.Objective)) {
			continue
		}
		queries, ok := l.openSLOQueries(indicator, indicatorAt, objective, at)
		if !ok {
			continue
		}
		slo.SLI.Prometheus = queries
		if resets, ok := d.at.key("metadata", "annotations").lookup(annotationPrefix + "resets"); ok {
			if resets, ok = l.nested(resets); ok {
				list(resetShape).read(&l.reader, resets, &slo.Resets)
			}
		}
		if formerly, ok := d.at.key("metadata", "annotations").lookup(annotationPrefix + "formerly"); ok {
			sloName.read(&l.reader, formerly, &slo.Formerly)
		}
		if service.has(slo.Name) {
			l.problem(d.at.key("metadata", "name"), quote(slo.Name)+" exists twice in service "+quote(service.Name), "give each SLO its own name")
			continue
		}
		orderResets(nil, place{}, slo)
		reachableAlerts(&l.reader, at, slo)
		service.SLOs = append(service.SLOs, slo)
	}
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
	calendar, ok := map[string]Calendar{"1w": {Unit: Week}, "1M": {Unit: Month}, "3M": {Unit: Quarter}, "1Q": {Unit: Quarter}}[w.Duration.String()]
	if !ok {
		l.problem(at.key("duration"), "a calendar window of "+cut(w.Duration.String())+" cannot be expressed", "write 1w, 1M or 1Q")
		return Window{}, false
	}
	location, err := loadLocation(w.Calendar.TimeZone)
	if err != nil {
		l.problem(at.key("calendar", "timeZone"), quote(w.Calendar.TimeZone)+" is not a time zone", "write an IANA name, such as Europe/Madrid or UTC")
		return Window{}, false
	}
	calendar.Location = location
	window := Window{Calendar: &calendar}
	start, err := time.ParseInLocation(time.DateTime, w.Calendar.StartTime, location)
	if err != nil {
		l.problem(at.key("calendar", "startTime"), quote(w.Calendar.StartTime)+" is not a time", "write it as 2026-01-01 00:00:00")
		return Window{}, false
	}
	if first, _ := window.Bounds(start); !first.Equal(start) {
		l.problem(at.key("calendar", "startTime"), "a "+string(calendar.Unit)+" that begins at "+w.Calendar.StartTime+" cannot be expressed",
			"write the midnight at which it begins: "+first.Format(time.DateTime))
		return Window{}, false
	}
	return window, true
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
