// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// TestProblems compares every problem of testdata/problems with the golden file beside it.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			_, problems := Parse(filepath.Base(file), text)
			require.Error(t, problems.Err())
			golden.Equal(t, strings.TrimSuffix(file, ".yaml")+".golden", []byte(problems.String()))
		})
	}
}

func TestProblemsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	_, problems := Parse("a.yaml", []byte(head+"metadata: {name: "+long+", "+long+": 1}\nspec: {tier: "+long+", "+long+"\n"))
	require.Error(t, problems.Err())
	for _, p := range problems {
		assert.Less(t, len(p.String()), 1000)
	}
	_, problems = Parse("a.yaml", []byte(head+"metadata: {name: a}\nspec: {slos: [{name: a, objective: 99, sli: {spans: {good: "+long[:4000]+"}}}], tier: "+long+"}\n"))
	require.Error(t, problems.Err())
	for _, p := range problems {
		assert.Less(t, len(p.String()), 1000)
	}
}

func TestProblemsAreNotTooMany(t *testing.T) {
	_, problems := Parse("a.yaml", []byte(head+"metadata: {name: a}\nspec: {environments: ["+strings.Repeat("a, ", 5000)+"]}\n"))
	require.Len(t, problems, maxProblems+1)
	assert.Equal(t, "a.yaml:4:326: error: there are more errors after this one; fix the ones above first", problems[maxProblems].String())
}

func TestErrHasErrorsOnly(t *testing.T) {
	problems := Problems{{Severity: Warning, Message: "small"}}
	require.NoError(t, problems.Err())
	problems = append(problems, Problem{Severity: Error, Position: Position{File: "a.yaml", Line: 2}, Path: "spec", Message: "is wrong", Fix: "fix it"})
	require.EqualError(t, problems.Err(), "a.yaml:2: error: spec: is wrong; fix it")
	assert.Len(t, problems.Errors(), 1)
	assert.Len(t, problems.Warnings(), 1)
}
