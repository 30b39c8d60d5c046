// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/otelcol-sre/otelcol-sre/"

// rooms says which rooms the packages of a room may import, besides their own. Tests may import anything.
var rooms = []struct {
	room    string
	imports []string
}{
	{"catalog", nil},
	{"internal", []string{"catalog"}},
	{"alerts", []string{"catalog", "internal"}},
	{"runbooks", []string{"catalog", "internal", "alerts"}},
	{"dashboards", []string{"catalog", "internal"}},
	{"extensions", []string{"catalog", "internal", "alerts", "runbooks", "dashboards"}}, // the page shows runbooks, and serves what follows from the catalog
	{"connectors", []string{"catalog", "internal", "extensions"}},
	{"processors", []string{"catalog", "internal", "extensions"}},
	{"exporters", []string{"catalog", "internal", "alerts", "extensions"}}, // the store makes the rules of the catalog
	{"receivers", []string{"catalog", "internal", "extensions"}},
	{"deploy", []string{"catalog", "internal"}},
	{"cmd", []string{"catalog", "internal", "alerts", "runbooks", "dashboards", "extensions", "connectors", "processors", "exporters", "receivers", "deploy"}},
}

// Packages point one way: catalog ← components and generators ← cmd. One component imports no other of its kind, but
// for extensions, which are made to be found.
func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	require.NoError(t, err)
	allowed := map[string][]string{}
	for _, r := range rooms {
		allowed[r.room] = append(r.imports, r.room)
	}
	packages := 0
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], module)
		room, _, _ := strings.Cut(from, "/")
		if room == "test" || room == "examples" {
			continue
		}
		packages++
		require.Contains(t, allowed, room, "say in rooms what %s may import", from)
		for _, imported := range words[1:] {
			to, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			into, _, _ := strings.Cut(to, "/")
			assert.Contains(t, allowed[room], into, "%s imports %s", from, to)
			switch room {
			case "connectors", "processors", "exporters", "receivers":
				if into == room {
					assert.Equal(t, component(from), component(to), "%s imports %s", from, to)
				}
			}
		}
	}
	assert.Greater(t, packages, 80)
}

// component is the folder of a component: its room and its name.
func component(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}
