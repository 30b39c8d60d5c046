// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generated"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// lintRules checks the rule files and the links of their alerts.
func (l *linter) lintRules() {
	files := map[string]*catalog.Service{}
	for _, s := range l.services {
		files[alerts.FileName(s)] = s
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(l.dir), generated.AlertsFolder, "*.rules.yaml"))
	if err != nil || len(found) == 0 {
		l.error(generated.AlertsFolder, 0, "contains no rule file", "run srectl generate alerts")
	}
	for _, name := range found {
		file := path.Join(generated.AlertsFolder, filepath.Base(name))
		text, ok := l.read(file)
		if !ok {
			continue
		}
		service := files[filepath.Base(name)]
		if service == nil {
			l.add(catalog.Warning, file, 0, "no service of the catalog has these rules", "run srectl generate alerts --prune, or delete the file")
		} else {
			l.ruled[service.Slug()] = true
			l.lintInput(file, text, service)
		}
		l.lintRuleFile(file, text)
	}
	l.lintTests()
}

// lintTests checks that the unit tests, if there are any, are of this catalog.
func (l *linter) lintTests() {
	files := map[string]*catalog.Service{}
	for _, s := range l.services {
		files[alerts.TestFileName(s)] = s
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(l.dir), generated.AlertsFolder, "*.test.yaml"))
	if err != nil {
		return // the pattern is ours
	}
	for _, name := range found {
		file := path.Join(generated.AlertsFolder, filepath.Base(name))
		text, ok := l.read(file)
		if !ok || !generated.Is(text) {
			continue // not generated tests
		}
		if s := files[filepath.Base(name)]; s != nil {
			l.lintInput(file, text, s)
		} else {
			l.add(catalog.Warning, file, 0, "no service of the catalog has these tests", "run srectl generate tests --prune, or delete the file")
		}
	}
}

// escapeGlob keeps a folder's name from being read as a pattern.
func escapeGlob(s string) string { return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(s, `\$0`) }

var inputLine = regexp.MustCompile(`(?m)^# Input: (\w+)$`)

// lintInput compares the catalog from which the rules were generated with the current one.
func (l *linter) lintInput(file string, text []byte, s *catalog.Service) {
	at := inputLine.FindSubmatchIndex(text)
	if at == nil || string(text[at[2]:at[3]]) == s.Digest() {
		return
	}
	l.error(file, 1+bytes.Count(text[:at[0]], []byte("\n")), "was generated from another state of the catalog", "run srectl generate alerts tests")
}

var (
	yamlLine = regexp.MustCompile(`line (\d+)`)
	ruleLine = regexp.MustCompile(`^(\d+):\d+: (.*)`)
)

func (l *linter) lintRuleFile(file string, text []byte) {
	_, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, err := range errs {
		line, message := 0, err.Error()
		if m := ruleLine.FindStringSubmatch(message); m != nil {
			line, _ = strconv.Atoi(m[1]) // digits
			message = m[2]
		} else if m := yamlLine.FindStringSubmatch(message); m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		l.error(file, line, "Prometheus rejects it: "+terminal.Printable(message, maxRuleError), "run srectl generate alerts")
	}
	var document struct {
		Groups []struct{ Rules []lintRule }
	}
	if yaml.Unmarshal(text, &document) != nil {
		return // reported above
	}
	for _, g := range document.Groups {
		for _, rule := range g.Rules {
			if rule.Alert.Value != "" {
				l.alerts++
				l.lintAlert(file, rule)
			}
		}
	}
}

// maxRuleError bounds quoted errors of Prometheus.
const maxRuleError = 300

// A lintRule knows the lines of its links.
type lintRule struct {
	Alert       yaml.Node
	Annotations map[string]yaml.Node
}

func (l *linter) lintAlert(file string, rule lintRule) {
	alert := bare(rule.Alert.Value)
	if runbook, ok := rule.Annotations[runbookKey]; !ok {
		l.error(file, rule.Alert.Line, fmt.Sprintf("alert %q has no runbook_url", alert), "run srectl generate alerts")
	} else if names, fragment, ok := l.below(file, runbook, runbookKey, l.runbookURL, "--runbook-url", 2); ok {
		l.links++
		page := runbooks.Path(names[0], names[1])
		l.linked[page] = true
		switch there := l.pages[page]; {
		case there == nil:
			l.error(file, runbook.Line, fmt.Sprintf("the runbook of alert %q, %s, does not exist", alert, bare(page)), "run srectl generate runbooks")
		case fragment != "" && !there.anchors[fragment]:
			l.error(file, runbook.Line, fmt.Sprintf("%s has no heading #%s", bare(page), bare(fragment)), "run srectl generate")
		}
	}
	if dashboard, ok := rule.Annotations["dashboard_url"]; !ok {
		l.error(file, rule.Alert.Line, fmt.Sprintf("alert %q has no dashboard_url", alert), "run srectl generate alerts")
	} else if names, _, ok := l.below(file, dashboard, "dashboard_url", l.dashboardURL, "--dashboard-url", 1); ok {
		l.links++
		if l.dashboards != nil {
			l.lintDashboard(file, dashboard.Line, alert, names[0])
		} else if l.services[names[0]] == nil {
			l.error(file, dashboard.Line, fmt.Sprintf("the dashboard of alert %q is of service %q, which the catalog does not have", alert, bare(names[0])), "run srectl generate alerts")
		}
	}
}

// lintDashboard checks that the dashboard with the uid is one that was generated.
func (l *linter) lintDashboard(file string, line int, alert, uid string) {
	name, known := l.dashboards[uid]
	if !known {
		l.error(file, line, fmt.Sprintf("the dashboard of alert %q is %q, which belongs to no service of the catalog", alert, bare(uid)), "run srectl generate alerts")
		return
	}
	for _, f := range generated.DashboardFormats {
		if _, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(name+f.Extension))); err == nil {
			return
		}
	}
	l.error(file, line, fmt.Sprintf("the dashboard of alert %q, %s, does not exist", alert, bare(name)), "run srectl generate dashboards")
}

// runbookKey is the annotation with the link to an alert's page.
const runbookKey = "runbook_url"

// below splits a link into so many names below its base, and the fragment.
func (l *linter) below(file string, node yaml.Node, key, base, flag string, parts int) (names []string, fragment string, ok bool) {
	address := strings.ReplaceAll(alerts.Static(node.Value), `{{"{"}}`, "{") // as the template expands
	fail := func(message, fix string) ([]string, string, bool) {
		l.error(file, node.Line, fmt.Sprintf("%s %q %s", key, terminal.Printable(address, maxRuleError), message), fix)
		return nil, "", false
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fail("is not a web address", "run srectl generate alerts")
	}
	rest, found := strings.CutPrefix(address, strings.TrimRight(base, "/")+"/")
	if !found {
		if e := l.strays[key]; e != nil {
			e.more++
			return nil, "", false
		}
		l.strays[key] = &strays{problem: len(l.problems)}
		return fail(fmt.Sprintf("does not begin with %s/", bare(base)), "set lint's "+flag+" to the value that generate had")
	}
	rest, fragment, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	names = strings.Split(rest, "/")
	if len(names) != parts {
		return fail("does not lead to "+[]string{"", "BASE/SERVICE", "BASE/SERVICE/ALERT"}[parts], "run srectl generate alerts")
	}
	for i, name := range names {
		plain, err := url.PathUnescape(name)
		if err != nil || plain == "" {
			return fail("is not a web address", "run srectl generate alerts")
		}
		names[i] = plain
	}
	return names, fragment, true
}
