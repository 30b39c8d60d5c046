// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A recorder takes the messages of a test.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Errorf(f string, a ...any) { r.said += fmt.Sprintf(f, a...) }
func (r *recorder) Fatalf(f string, a ...any) { r.said += fmt.Sprintf(f, a...) }

func TestEqual(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.golden")
	var lines []string
	for i := range 5000 {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	text := strings.Join(lines, "\n") + "\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	same := &recorder{}
	Equal(same, file, []byte(text))
	assert.Empty(t, same.said)

	one := &recorder{}
	Equal(one, file, []byte(strings.Replace(text, "line 7\n", "line seven\n", 1)))
	assert.Contains(t, one.said, "-line 7\n+line seven\n")
	assert.Less(t, strings.Count(one.said, "\n"), 12)
	assert.Contains(t, one.said, "-update")

	all := &recorder{}
	Equal(all, file, []byte(strings.ReplaceAll(text, "line", strings.Repeat("x", 1000))))
	assert.Less(t, len(all.said), (maxLines+3)*(maxWidth+10))

	missing := &recorder{}
	Equal(missing, file+"x", nil)
	assert.Contains(t, missing.said, "-update to write it")
}
