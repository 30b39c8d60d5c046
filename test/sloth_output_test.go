// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// What the rules of imported specifications are compared with, in alerts, is what Sloth itself writes for them. Sloth reads its own files and
// objects and OpenSLO's v1alpha. Of the other formats, it gets what srectl convert makes of them.
func TestComplianceSlothsOutput(t *testing.T) {
	program, err := gotool.BuildOf(sloth, "cmd/sloth")
	require.NoError(t, err)
	const folder = "../alerts/testdata/sloth"
	goldenFile := filepath.Join(folder, "output.golden.yaml")
	written := map[string][]map[string]any{}
	generate := func(name, file string) {
		made := exec.Command(program, "generate", "--input", file)
		var out, said bytes.Buffer
		made.Stdout, made.Stderr = &out, &said
		require.NoError(t, made.Run(), "%s: %s", name, &said)
		rules, err := rulesOf(out.Bytes())
		require.NoError(t, err, name)
		require.NotEmpty(t, rules, name)
		written[name] = append(written[name], rules...)
	}
	for _, file := range yamlFiles(t, folder) {
		if file != goldenFile {
			generate(strings.TrimSuffix(filepath.Base(file), ".yaml"), file)
		}
	}
	for _, file := range yamlFiles(t, filepath.Join(folder, "converted")) {
		c, problems := catalog.Load(file)
		require.NoError(t, problems.Err(), file)
		for i, service := range c.Services {
			text, problems := service.Sloth()
			require.NoError(t, problems.Err(), file)
			converted := filepath.Join(t.TempDir(), fmt.Sprintf("%d.yaml", i))
			require.NoError(t, os.WriteFile(converted, text, 0o600))
			generate("converted/"+strings.TrimSuffix(filepath.Base(file), ".yaml"), converted)
		}
	}
	var text bytes.Buffer
	text.WriteString("# What Sloth " + sloth.Version + " writes for the specifications in this folder: `sloth generate -i FILE`, the names, labels and annotations of its rules.\n")
	var document yaml.Node
	require.NoError(t, document.Encode(written))
	for _, rules := range document.Content {
		for _, rule := range rules.Content {
			rule.Style = yaml.FlowStyle
		}
	}
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	require.NoError(t, encoder.Encode(&document))
	golden.Equal(t, goldenFile, text.Bytes())
}

func yamlFiles(t *testing.T, folder string) []string {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// rulesOf are the rules in Sloth's output, files and objects alike, without their expressions.
func rulesOf(text []byte) (all []map[string]any, err error) {
	type groups struct {
		Groups []struct{ Rules []map[string]any }
	}
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document struct {
			groups `yaml:",inline"`
			Spec   groups
		}
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		for _, group := range append(document.Groups, document.Spec.Groups...) {
			for _, rule := range group.Rules {
				delete(rule, "expr")
				all = append(all, rule)
			}
		}
	}
}
