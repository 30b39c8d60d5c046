// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

func TestVersionsAreRewritten(t *testing.T) {
	mod, err := modfile.Parse("go.mod", []byte(`module example.com/ours

tool go.opentelemetry.io/collector/cmd/builder

replace (
	go.opentelemetry.io/collector/pdata/pprofile => go.opentelemetry.io/collector/pdata/pprofile v0.155.0
	`+contrib+`/pkg/xk8stest => `+contrib+`/pkg/xk8stest v0.149.0
)

require (
	example.com/other v1.2.3
	`+contrib+`/exporter/zipkinexporter v0.152.0
	`+contrib+`/pkg/ottl v0.152.0
	`+contrib+`/pkg/sampling v0.152.0
	go.opentelemetry.io/collector/component v1.63.0
)
`), nil)
	require.NoError(t, err)
	kept, err := rewrite(mod, map[string]bool{contrib + "/pkg/ottl": true, contrib + "/pkg/sampling": true, core + "/component": true},
		map[string]string{contrib + "/pkg/ottl": "v1.4.1", core + "/component": "v1.71.0", core + "/pdata/pprofile": "v0.165.0"})
	require.NoError(t, err)
	text, err := mod.Format()
	require.NoError(t, err)
	assert.Equal(t, []string{contrib + "/pkg/xk8stest"}, kept)
	assert.Equal(t, `module example.com/ours

replace `+contrib+`/pkg/xk8stest => `+contrib+`/pkg/xk8stest v0.149.0

require (
	example.com/other v1.2.3
	`+contrib+`/pkg/ottl v1.4.1
	`+contrib+`/pkg/sampling v0.152.0
	go.opentelemetry.io/collector/component v1.71.0
)
`, string(text), "what packages do not import is left to those that need it; what cannot be had stays")
}

func TestTableShowsWhatIsMissing(t *testing.T) {
	all := []component{
		{core + "/receiver/otlpreceiver", "v0.157.0"}, {core + "/confmap/provider/envprovider", "v1.63.0"}, {contrib + "/exporter/zipkinexporter", "v0.152.0"},
	}
	now := current(all)
	assert.Equal(t, release{"v0.157.0", "v1.63.0"}, now)
	got := table(all, []release{now, {"v0.165.0", "v1.71.0"}}, map[string]string{
		core + "/receiver/otlpreceiver@v0.157": "v0.157.0", core + "/receiver/otlpreceiver@v0.165": "v0.165.0",
		core + "/confmap/provider/envprovider@v1.63": "v1.63.0", core + "/confmap/provider/envprovider@v1.71": "v1.71.0",
		contrib + "/exporter/zipkinexporter@v0.165": "v0.165.1",
	})
	assert.Equal(t, `| component | in the distribution | v0.157 | v0.165 |
| --- | --- | --- | --- |
| `+"`exporter/zipkinexporter`"+` | v0.152.0 | **refused** | v0.165.1 |
| all others |  | had | had |
| **missing of 3** |  | **1** | **0** |
`, got)
}

func TestOutcomesAreThoseOfTests(t *testing.T) {
	outcome, said, err := outcomes([]byte(`{"Action":"build-output","ImportPath":"example.com/c [example.com/c.test]","Output":"x.go:1: undefined\n"}
{"Action":"output","Package":"example.com/a","Test":"TestGood/sub","Output":"fine\n"}
{"Action":"fail","Package":"example.com/a","Test":"TestBad/sub"}
{"Action":"fail","Package":"example.com/a","Test":"TestBad"}
{"Action":"pass","Package":"example.com/a","Test":"TestGood"}
{"Action":"fail","Package":"example.com/a"}
{"Action":"fail","Package":"example.com/c","FailedBuild":"example.com/c [example.com/c.test]"}
`))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"example.com/a.TestBad": "fail", "example.com/a.TestGood": "pass", "example.com/c.": "fail"}, outcome)
	assert.Equal(t, "x.go:1: undefined\n", said["example.com/c."])
}
