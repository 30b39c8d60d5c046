// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestColorsOnlyOnATerminal(t *testing.T) {
	assert.False(t, Colored(&bytes.Buffer{}))
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, Colored(file), "a file is no terminal")
}
