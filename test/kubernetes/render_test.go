// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// TestSameObjects: Kustomize and Helm give the same objects, which are the golden ones.
func TestSameObjects(t *testing.T) {
	for _, choice := range Choices {
		t.Run(choice.Name, func(t *testing.T) {
			helm := rendered(t, func() ([]byte, error) { return choice.Helm() })
			assert.Equal(t, rendered(t, choice.Kustomize), helm)

			golden.Equal(t, filepath.Join("testdata", "golden", choice.Name+".yaml"), []byte(helm))
		})
	}
}

// rendered is the YAML of the objects, so that a difference is told in lines.
func rendered(t *testing.T, render func() ([]byte, error)) string {
	text, err := render()
	require.NoError(t, err)
	objects, err := Objects(text)
	require.NoError(t, err)
	text, err = yaml.Marshal(Normalised(objects))
	require.NoError(t, err)
	return string(text)
}
