// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package semconv

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// own are names that nobody else gives: code takes them from this package.
func own(t *testing.T) []string {
	t.Helper()
	names := []string{
		SLOName, SLOOutcome, SLOLedgerRows, SLOLedgerAttribute, SLOLedgerValue, SLOWindow, SLOState, CorrelationID, CorrelationConflict,
		DeploymentPreviousVersion, DeploymentStartTime, DeploymentCommitTime, DeploymentCompareURL, DeploymentConfiguration, DeploymentRecent,
		DeploymentTickets, DeploymentGateVerdict, DeploymentGateReason, DeploymentGateTime, DeploymentAdoption, DeploymentRollback,
		CheckName, CheckKind, CheckLocation, CheckStep, CheckOutcome,
		ChangeID, ChangeKind, ChangeName, ChangePrevious, ChangeValue, ChangeStatus, ChangeURL, ChangeSummary, ChangeEndTime,
		IncidentID, IncidentState, IncidentSeverity, IncidentStart, IncidentEnd, IncidentServices, IncidentSLOs, IncidentChange, IncidentProbability, IncidentFailed,
		IncidentURL, IncidentPartOf,
		string(StateBurningFast), string(StateBurningSlow), string(StateNoData),
	}
	prometheus := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	for _, m := range Metrics {
		name, err := prometheus.Build(m.Metric)
		require.NoError(t, err)
		names = append(names, m.Name, name)
	}
	return names
}

// Each name of the project is in this package only.
func TestNamesStandHereAlone(t *testing.T) {
	const root = "../.."
	var quoted []string
	for _, name := range own(t) {
		quoted = append(quoted, regexp.QuoteMeta(name))
	}
	names := regexp.MustCompile(`(?:^|[^\w.])(` + strings.Join(quoted, "|") + `)(?:$|[^\w.]|\.$)`)
	files := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			switch {
			case strings.HasPrefix(e.Name(), ".") && at != ".", e.Name() == "node_modules", at == "internal/semconv", at == "test", at == "cmd/shop", strings.HasSuffix(at, "test"):
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(at, ".go") || strings.HasSuffix(at, "_test.go") || strings.HasPrefix(e.Name(), "generated_") {
			return nil
		}
		files++
		for _, found := range literals(t, path, names) {
			assert.Fail(t, "a name of the project as a literal", "%s:%d: %s; take it from internal/semconv", at, found.line, found.text)
		}
		return nil
	}))
	assert.Greater(t, files, 300)
}

// sentence is text for people, who read names in it. A query has no four words in a row.
var sentence = regexp.MustCompile(`[\w,:;.']+ [\w,:;.']+ [\w,:;.']+ [\w,:;.']+`)

type literal struct {
	line int
	text string
}

func literals(t *testing.T, path string, names *regexp.Regexp) (found []literal) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if tag, ok := n.(*ast.Field); ok && tag.Tag != nil {
			return false // what a user writes
		}
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && names.MatchString(text) && !sentence.MatchString(text) {
				found = append(found, literal{set.Position(l.Pos()).Line, text})
			}
		}
		return true
	})
	return found
}
