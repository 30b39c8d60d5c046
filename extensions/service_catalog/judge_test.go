// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Each case reads catalogs one after another. A capital letter is a service, "!" an error
// elsewhere in the folder, "?" a warning.
func TestJudge(t *testing.T) {
	for name, reads := range map[string][]struct {
		read string
		want outcome
		use  string
	}{
		"good ones are swapped in":            {{"A", swapped, "A"}, {"AB", swapped, "AB"}, {"B", swapped, "B"}},
		"the same is unchanged":               {{"A", swapped, "A"}, {"A", unchanged, "A"}},
		"warnings do not matter":              {{"A?", swapped, "A"}, {"AB?", swapped, "AB"}},
		"errors are refused":                  {{"A", swapped, "A"}, {"AB!", refused, "A"}, {"!", refused, "A"}, {"A", unchanged, "A"}},
		"fixed":                               {{"A", swapped, "A"}, {"A!", refused, "A"}, {"AB", swapped, "AB"}},
		"at start the right ones are used":    {{"A!", partial, "A"}, {"AB", swapped, "AB"}, {"A!", refused, "AB"}},
		"before a good one, more are used":    {{"A!", partial, "A"}, {"AB!", partial, "AB"}},
		"before a good one, none is lost":     {{"A!", partial, "A"}, {"B!", refused, "A"}, {"!", refused, "A"}},
		"the broken one removed":              {{"A!", partial, "A"}, {"A", unchanged, "A"}, {"AB!", refused, "A"}},
		"folder missing at start":             {{"!", partial, ""}, {"A!", partial, "A"}, {"AB", swapped, "AB"}},
		"folder empty at start":               {{"", unchanged, ""}, {"A!", partial, "A"}},
		"emptied at run time":                 {{"A", swapped, "A"}, {"", refused, "A"}, {"?", refused, "A"}, {"B", swapped, "B"}},
		"emptied before there was a good one": {{"A!", partial, "A"}, {"", refused, "A"}},
	} {
		t.Run(name, func(t *testing.T) {
			inUse, _ := catalogOf("")
			var j judge
			for _, r := range reads {
				next, problems := catalogOf(r.read)
				got, problems := j.judge(inUse, next, problems)
				assert.Equal(t, r.want, got, "read %q", r.read)
				if got == swapped || got == partial {
					inUse = next
				}
				assert.Equal(t, r.use, inUse.Revision, "read %q", r.read)
				assert.Equal(t, got == refused || got == partial, problems.Err() != nil, "a reading is faulty if and only if it has errors")
			}
		})
	}
}

func TestJudgeTellsNamespacesApart(t *testing.T) {
	a := &catalog.Catalog{Services: []*catalog.Service{{Namespace: "a", Name: "checkout"}}}
	b := &catalog.Catalog{Services: []*catalog.Service{{Namespace: "b", Name: "checkout"}}}
	assert.True(t, losesService(a, b))
	assert.False(t, losesService(a, a))
}

func catalogOf(spec string) (*catalog.Catalog, catalog.Problems) {
	c := &catalog.Catalog{}
	var problems catalog.Problems
	for _, r := range spec {
		switch r {
		case '!':
			problems = append(problems, catalog.Problem{Severity: catalog.Error, Message: "error"})
		case '?':
			problems = append(problems, catalog.Problem{Severity: catalog.Warning, Message: "warning"})
		default:
			c.Services = append(c.Services, &catalog.Service{Name: string(r)})
			c.Revision += string(r)
		}
	}
	return c, problems
}
