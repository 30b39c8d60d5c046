// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

func examples(t *testing.T) []*catalog.Service {
	t.Helper()
	loaded, problems := catalog.Load("../examples/catalog")
	require.Empty(t, problems)
	return loaded.Services
}

func generate(t *testing.T, services ...*catalog.Service) []File {
	t.Helper()
	files, warnings := Generate(services, DefaultOptions())
	require.Empty(t, warnings)
	return files
}

// The dashboards of the examples are in the repository, for people to read and to import.
func TestExamplesAreUpToDate(t *testing.T) {
	for _, f := range generate(t, examples(t)...) {
		golden.Equal(t, filepath.Join("..", "examples", f.Path), f.JSON)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	services := examples(t)
	once := generate(t, services...)
	reversed := append([]*catalog.Service(nil), services...)
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	assert.Equal(t, once, generate(t, reversed...))
}

// A new SLO must not move the ids of what was there: annotations and links are tied to them.
func TestPanelIDsStay(t *testing.T) {
	service := *examples(t)[0]
	before := titles(t, generate(t, &service)[0].JSON)
	added := *service.SLOs[0]
	added.Name = "another"
	service.SLOs = append([]*catalog.SLO{&added}, service.SLOs...)
	after := titles(t, generate(t, &service)[0].JSON)
	require.Greater(t, len(after), len(before))
	for id, title := range before {
		assert.Equal(t, title, after[id])
	}
}

func titles(t *testing.T, file []byte) map[float64]string {
	t.Helper()
	found := map[float64]string{}
	for _, p := range panelsOf(t, decode(t, file)) {
		id := p["id"].(float64)
		require.NotContains(t, found, id)
		found[id] = p["title"].(string)
	}
	return found
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"checkout":              "sre-checkout",
		"a.b":                   hashed("a.b"),
		strings.Repeat("x", 36): "sre-" + strings.Repeat("x", 36),
		strings.Repeat("x", 37): hashed(strings.Repeat("x", 37)),
		"../../etc/passwd":      hashed("../../etc/passwd"),
	} {
		uid := UID(&catalog.Service{Name: name})
		assert.Equal(t, want, uid)
		assert.LessOrEqual(t, len(uid), maxUID)
	}
	for _, name := range []string{"..", "../x", "a/b", "fleet", ".hidden"} {
		file := fileName(name)
		assert.Equal(t, filepath.Base(file), file)
		assert.NotEqual(t, "fleet.json", file)
		assert.False(t, strings.HasPrefix(file, "."), file)
	}
}

func TestNamesakesGetADashboardEach(t *testing.T) {
	files, warnings := Generate([]*catalog.Service{{Name: "api", Namespace: "a"}, {Name: "api", Namespace: "b"}}, DefaultOptions())
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0].Message, "another service is called api")
	require.Len(t, files, 2+len(reserved))
	assert.Equal(t, "sre-api", decode(t, files[0].JSON)["uid"])
	assert.Equal(t, hashed("b", "api"), decode(t, files[1].JSON)["uid"])
}

// BenchmarkThousandServices is what `srectl generate dashboards` does for a large catalog.
func BenchmarkThousandServices(b *testing.B) {
	loaded, _ := catalog.Load("../examples/catalog")
	var services []*catalog.Service
	for i := range 200 {
		for _, s := range loaded.Services {
			one := *s
			one.Name = fmt.Sprintf("%s-%d", s.Name, i)
			services = append(services, &one)
		}
	}
	for b.Loop() {
		files, warnings := Generate(services, DefaultOptions())
		require.Empty(b, warnings)
		require.Len(b, files, 1000+len(reserved))
	}
}
