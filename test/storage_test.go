// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A storage file that is no database any more is reported and set aside. What was in it starts from nothing, and the rest goes on.
func TestStorageFilesThatAreNoDatabases(t *testing.T) {
	t.Parallel()
	dir := writeCatalog(t, map[string]string{"checkout": service("checkout", slos...)})
	storage := t.TempDir()
	garbage := bytes.Repeat([]byte("no database "), 4096)
	for _, file := range []string{"connector_sli_", "processor_slo_"} {
		require.NoError(t, os.WriteFile(filepath.Join(storage, file), garbage, 0o600))
	}
	c := newCollector(t, "standalone", dir, "OTELCOL_SRE_STORAGE="+storage)
	sent := send(t, c, "grpc", "checkout", "1.0.0", 500, 1)
	assert.EventuallyWithT(t, func(collect *assert.CollectT) { compareCounts(collect, c, sent) }, patience, 100*time.Millisecond)
	c.stop()
	c.start()
	sent.add(send(t, c, "grpc", "checkout", "1.0.0", 500, 2))
	assert.EventuallyWithT(t, func(collect *assert.CollectT) { compareCounts(collect, c, sent) }, patience, 100*time.Millisecond)

	log, err := os.ReadFile(c.log)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(log), "A state file was damaged and is set aside"), "each file, at the first start only")
}
