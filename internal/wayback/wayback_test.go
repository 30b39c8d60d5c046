// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package wayback

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func service(change func(*catalog.Service)) *catalog.Service {
	s := &catalog.Service{Name: "checkout", Namespace: "shop", Deployment: catalog.Deployment{Kubernetes: &catalog.KubernetesWorkload{Namespace: "shop", Kind: "Deployment", Name: "checkout"}}}
	change(s)
	return s
}

func rollout(s *catalog.Service) { s.Deployment.Kubernetes.Kind = "Rollout" }

func command(words ...string) func(*catalog.Service) {
	return func(s *catalog.Service) { s.Deployment.Rollback.Command = words }
}

func migrations(versions ...string) func(*catalog.Service) {
	return func(s *catalog.Service) {
		for _, v := range versions {
			s.Deployment.Migrations = append(s.Deployment.Migrations, catalog.Migration{Version: v})
		}
		s.Deployment.Rollback.Command = []string{"helm", "{version}"}
	}
}

func TestPlan(t *testing.T) {
	versions := []Ran{{Version: "1.4.0", Status: "completed", Previous: "1.3.0"}, {Version: "1.3.0", Status: "completed"}, {Version: "1.2.0", Status: "completed"}}
	canary := []Ran{{Version: "1.4.0", Status: "canary", Previous: "1.3.0"}, {Version: "1.3.0", Status: "completed"}}
	back := []Ran{{Version: "1.4.0", Status: "rolled_back"}, {Version: "1.3.0", Status: "completed"}}
	taken := []Ran{{Version: "1.3.0", Status: "completed", Previous: "1.4.0"}, {Version: "1.4.0", Status: "rolled_back"}, {Version: "1.2.0", Status: "completed"}}
	skipped := []Ran{{Version: "1.4.0", Status: "completed"}, {Version: "1.3.0", Status: "started"}, {Version: "1.2.0", Status: "completed"}}
	names := []Ran{{Version: "green", Status: "completed", Previous: "red"}, {Version: "blue"}, {Version: "red"}, {Version: "black"}}
	for name, c := range map[string]struct {
		service  func(*catalog.Service)
		from, to string
		versions []Ran
		want     string // the command, or a part of the refusal
		refused  bool
	}{
		"the one before":                   {func(*catalog.Service) {}, "1.4.0", "", versions, "kubectl rollout undo deployment/checkout -n shop", false},
		"written in another way":           {func(*catalog.Service) {}, "v1.4.0", "v1.3.0", versions, "kubectl rollout undo deployment/checkout -n shop", false},
		"a canary is aborted":              {rollout, "1.4.0", "", canary, "kubectl argo rollouts abort checkout -n shop", false},
		"a whole rollout":                  {rollout, "1.4.0", "", versions, "kubectl argo rollouts undo checkout -n shop", false},
		"the catalog's command":            {command("helm", "rollback", "checkout", "--to={version}"), "1.4.0", "1.2.0", versions, "helm rollback checkout --to=1.2.0", false},
		"nothing is known":                 {command("helm", "{version}"), "1.4.0", "1.3.0", nil, "helm 1.3.0", false},
		"further than kubectl":             {func(*catalog.Service) {}, "1.4.0", "1.2.0", versions, "not to 1.2.0", true},
		"not the newest":                   {func(*catalog.Service) {}, "1.3.0", "", versions, "is not what was deployed last", true},
		"rolled back":                      {func(*catalog.Service) {}, "1.4.0", "", back, "is rolled back already", true},
		"to a version that was left":       {func(*catalog.Service) {}, "1.3.0", "", taken, "kubectl returns to the version before, 1.4.0, and not to 1.2.0", true},
		"past one that was left":           {command("helm", "{version}"), "1.3.0", "", taken, "helm 1.2.0", false},
		"only one that was left":           {command("helm", "{version}"), "1.3.0", "", taken[:2], "the version before 1.3.0 is 1.4.0, which was never complete, or was left", true},
		"to one that was left, by name":    {command("helm", "{version}"), "1.3.0", "1.4.0", taken, "helm 1.4.0", false},
		"past one that was never complete": {func(*catalog.Service) {}, "1.4.0", "", skipped, "kubectl returns to the version before, 1.3.0, and not to 1.2.0", true},
		"to nowhere":                       {command("helm"), "1.4.0", "", nil, "no version before 1.4.0 is known", true},
		"to itself":                        {command("helm"), "1.4.0", "v1.4.0", versions, "to return from and to", true},
		"no way":                           {func(s *catalog.Service) { s.Deployment = catalog.Deployment{} }, "1.4.0", "1.3.0", nil, "the catalog says no way back", true},
		"an option":                        {command("helm", "{version}"), "1.4.0", "--kubeconfig=x", versions, "is not plain text", true},
		"an expression":                    {command("helm", "{version}"), "1.4.0", "1;reboot", versions, "is not plain text", true},
		"a workload like an option":        {func(s *catalog.Service) { s.Deployment.Kubernetes.Name = "-x" }, "1.4.0", "", versions, "begins with a dash", true},

		"a migration itself":           {migrations("1.4.0"), "1.4.0", "", versions, "changed data", true},
		"past a migration":             {migrations("1.3.0"), "1.4.0", "1.2.0", versions, "version 1.3.0 changed data", true},
		"to a migration":               {migrations("1.3.0"), "1.4.0", "1.3.0", versions, "helm 1.3.0", false},
		"a migration before":           {migrations("1.2.0"), "1.4.0", "1.3.0", versions, "helm 1.3.0", false},
		"one that never ran, between":  {migrations("1.3.5"), "1.4.0", "1.3.0", versions, "changed data", true},
		"one that never ran, before":   {migrations("1.2.5"), "1.4.0", "1.3.0", versions, "helm 1.3.0", false},
		"one that is to come":          {migrations("1.10.0"), "1.4.0", "1.3.0", versions, "helm 1.3.0", false},
		"by the order in which it ran": {migrations("blue"), "green", "red", names, "changed data", true},
		"before, by that order":        {migrations("black"), "green", "red", names, "helm red", false},
		"one that cannot be compared":  {migrations("purple"), "green", "red", names, "changed data", true},
		"without what ran":             {migrations("1.3.5"), "1.4.0", "1.3.0", nil, "changed data", true},
	} {
		p, err := New(service(c.service), c.from, c.to, c.versions)
		if c.refused {
			require.ErrorAs(t, err, &Refusal{}, name)
			assert.Contains(t, err.Error(), c.want, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, c.want, p.Text(), name)
	}
}

// Numbers are compared as a simple model does.
func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{"1.2.3": "[1 2 3 0]", "v1": "[1 0 0 0]", "1.2.3.4": "[1 2 3 4]"} {
		got, ok := numbers(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, fmt.Sprint(got))
	}
	for _, text := range []string{"", "1.2-rc1", "1.2.3.4.5", "a", "1.", "9999999999"} {
		_, ok := numbers(text)
		assert.False(t, ok, text)
	}
}

func TestTextIsForAShell(t *testing.T) {
	p := Plan{Command: []string{"helm", "rollback", "a b", "it's", "$(reboot)", "--to=1.2.0", ""}}
	assert.Equal(t, `helm rollback 'a b' 'it'\''s' '$(reboot)' --to=1.2.0 ''`, p.Text())
}
