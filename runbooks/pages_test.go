// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func pageOf(t *testing.T, s *catalog.Service, alert string) string {
	t.Helper()
	f, _ := alerts.Generate(s, alerts.DefaultOptions())
	pages, _ := Generate(f, none, configured())
	for _, p := range pages {
		if p.Path == Path(s.Name, alert) || p.Path == IndexPath(s.Name) && alert == "" {
			return string(p.Text)
		}
	}
	assert.Fail(t, "no page "+alert)
	return ""
}

var sections = []string{
	"\n## Go back first\n", "\n## Meaning\n", "\n## Impact\n", "\n## First five minutes\n", "\n## What changed\n", "\n## Diagnosis\n", "\n## Mitigation\n", "\n## Escalation\n",
	"\n## Silencing safely\n", "\n## Known causes\n",
}

// Links of long ago lead to these headings, and to those of SLOs.
func TestEveryPageOfAnAlertHasEverySection(t *testing.T) {
	for _, f := range examples(t) {
		pages, _ := Generate(f, none, configured())
		for _, page := range pages {
			if !alerts.Known(strings.TrimSuffix(path.Base(page.Path), ".md")) {
				continue
			}
			rest := string(page.Text)
			for _, section := range sections {
				at := indexAfter(rest, section)
				if assert.Positive(t, at, "%s: %q is missing, or not in its place", page.Path, section) {
					rest = rest[at:]
				}
			}
			for _, a := range f.Alerts {
				if a.SLO != nil && Path(f.Service.Name, a.Name) == page.Path {
					assert.Contains(t, string(page.Text), "\n### SLO "+a.SLO.Name+"\n", page.Path)
				}
			}
		}
	}
}

func indexAfter(s, part string) int {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return i + len(part) - 1
		}
	}
	return -1
}

// Each kind of alert has words of its own.
func TestNoAlertIsPlain(t *testing.T) {
	meanings := map[string]string{}
	for _, f := range examples(t) {
		for _, group := range byName(f.Alerts) {
			a := group[0]
			g := guideOf(a)
			meaning := string(g.meaning(newSubject(f, nil, configured()).page(group)))
			assert.NotEmpty(t, meaning, a.Name)
			if other, same := meanings[meaning]; same {
				assert.Equal(t, other, a.Name, "the same meaning")
			}
			meanings[meaning] = a.Name
		}
	}
	assert.Greater(t, len(meanings), 15)
}

func TestHowLongTheBudgetLasts(t *testing.T) {
	day := 24 * time.Hour
	for _, test := range []struct {
		slo  catalog.SLO
		pair int
		want string
	}{
		{catalog.SLO{Objective: 99.9, Window: catalog.Window{Rolling: 30 * day}}, 0, "50 h"},
		{catalog.SLO{Objective: 99.9, Window: catalog.Window{Rolling: 30 * day}}, 1, "5 days"},
		{catalog.SLO{Objective: 99.9, Window: catalog.Window{Rolling: 30 * day}}, 3, "30 days"},
		{catalog.SLO{Objective: 99, Window: catalog.Window{Rolling: 7 * day}}, 0, "50 h"},
		{catalog.SLO{Objective: 99, Window: catalog.Window{Calendar: &catalog.Calendar{Unit: catalog.Quarter, Location: time.UTC}}}, 0, "50 h"},
		{catalog.SLO{Objective: 90, Window: catalog.Window{Rolling: 30 * day}}, 0, "3.03 days"}, // clamped
	} {
		assert.Equal(t, test.want, lasts(&test.slo, test.slo.BurnPairs()[test.pair]))
	}
}

func TestRollback(t *testing.T) {
	for _, test := range []struct {
		workload *catalog.KubernetesWorkload
		want     string
	}{
		{nil, "The catalog does not describe how: add `spec.deployment.kubernetes`"},
		{&catalog.KubernetesWorkload{Namespace: "shop", Kind: "Deployment", Name: "checkout"}, "\nkubectl rollout undo deployment/checkout -n shop\n"},
		{&catalog.KubernetesWorkload{Kind: "StatefulSet", Name: "db"}, "\nkubectl rollout undo statefulset/db\n"},
		{&catalog.KubernetesWorkload{Namespace: "shop", Kind: "Rollout", Name: "checkout"}, "\nkubectl argo rollouts undo checkout -n shop\n"},
		{&catalog.KubernetesWorkload{Kind: "Deployment", Name: "x; rm -rf /"}, "\nkubectl rollout undo 'deployment/x; rm -rf /'\n"},
		{&catalog.KubernetesWorkload{Kind: "Deployment", Name: "it's"}, "\nkubectl rollout undo 'deployment/it'\\''s'\n"},
	} {
		s := shopFile(t, "checkout").Service
		s.Deployment.Kubernetes = test.workload
		assert.Contains(t, pageOf(t, s, "DeploymentRegression"), test.want)
		assert.Contains(t, pageOf(t, s, ""), test.want, "in the index")
	}
	s := shopFile(t, "checkout").Service
	s.Deployment.Rollback.Command = []string{"helm", "rollback", "check out", "--to={version}"}
	assert.Contains(t, pageOf(t, s, "DeploymentRegression"), "\nhelm rollback 'check out' '--to={version}'\n", "the catalog's own command")
}

func TestSilenceMatchesExactlyTheAlert(t *testing.T) {
	s := shopFile(t, "mailer").Service
	page := pageOf(t, s, "ErrorBudgetBurnCritical")
	assert.Contains(t, page, `alertname=ErrorBudgetBurnCritical 'service_name="mailer"' 'service_namespace="shop"' 'slo_name="availability"' 'environment="production"'`)
	assert.Contains(t, page, "--duration=1h")
	s.Environments = nil
	assert.Contains(t, pageOf(t, s, "ErrorBudgetBurnLow"), "Without it the silence covers all environments")
	assert.Contains(t, pageOf(t, s, "ErrorBudgetBurnLow"), "--duration=1d")
	assert.NotContains(t, pageOf(t, s, "ServiceSilent"), "slo_name=")
}

func TestText(t *testing.T) {
	for in, want := range map[string]markdown{
		"Takes an order, from cart to paid (and shipped).": "Takes an order, from cart to paid (and shipped).",
		"payments-team":                  "payments-team",
		"- item":                         `\- item`,
		"12. item":                       `12\. item`,
		"1) item":                        `1\) item`,
		"a\nb\t c":                       "a b c",
		"a: b":                           "a: b",
		"https://x":                      `https\://x`,
		"see WWW.x.org":                  `see WWW\.x.org`,
		"<b>":                            `\<b\>`,
		"a\u202eb\x1b[0m":                `ab\[0m`,
		"`code` *x* [l](u) #h a|b a@b &": "\\`code\\` \\*x\\* \\[l\\](u) \\#h a\\|b a\\@b \\&",
	} {
		assert.Equal(t, want, text(in), "%q", in)
	}
	assert.Equal(t, markdown("``a`b``"), code("a`b"))
	assert.Equal(t, markdown("`` `a` ``"), code("`a`"))
	assert.Equal(t, markdown("````promql\n```\nx\n````\n"), block("promql", "```\nx\n", ""))
	assert.Equal(t, markdown(`javascript\:x`), link("y", "javascript:x"))
	assert.Equal(t, markdown("[y](https://h/a%28b%29?c=d&amp;e=%22)"), link("y", `https://h/a(b)?c=d&e="`))
}

func TestLinks(t *testing.T) {
	links, anchors := Links([]byte("# A *b* `c`\n\nsee\n[x](y.md#z) and\n<https://h/>\n\n## Same\n## Same\n\n- ![i](j.png)\n"))
	assert.Equal(t, []Link{{"y.md#z", 4}, {"https://h/", 3}, {"j.png", 10}}, links)
	assert.Equal(t, map[string]bool{"a-b-c": true, "same": true, "same-1": true}, anchors)
}

// The runbook of an SLO with groups shows which of them fail.
func TestGroupsInTheRunbook(t *testing.T) {
	c, problems := catalog.Parse("edge.yaml", []byte(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: edge}
spec:
  slos:
    - {name: hosts, objective: 99.9, groupBy: [host.name], sli: {availability: {}}}
    - {name: all, objective: 99.9, sli: {availability: {}}}
`))
	require.NoError(t, problems.Err())
	page := pageOf(t, c.Services[0], "queries-hosts")
	assert.Contains(t, page, "The ten groups with the largest error ratio, by host.name")
	assert.Contains(t, page, `sort_desc(topk(10, slo:sli_error:ratio_rate5m{`)
	assert.Contains(t, pageOf(t, c.Services[0], "slo-hosts"), "The ten groups with the largest error ratio")
	assert.NotContains(t, pageOf(t, c.Services[0], "queries-all"), "The ten groups")
}
