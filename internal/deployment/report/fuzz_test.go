// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

func addPayloads(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(text))
	}
}

// sound says that a report has what it must have, and can be written and read again.
func sound(t *testing.T, record plog.LogRecord) {
	d, ok, err := Read(pcommon.NewMap(), record)
	if !ok || err != nil {
		require.Nil(t, d)
		return
	}
	require.NotEmpty(t, d.Name)
	require.NotEmpty(t, d.Status)
	again := plog.NewLogRecord()
	d.Write(again, d.Start)
	_, ok, err = Read(pcommon.NewMap(), again)
	require.NoError(t, err)
	require.True(t, ok)
}

func FuzzReadString(f *testing.F) {
	addPayloads(f)
	f.Fuzz(func(t *testing.T, text string) {
		record := plog.NewLogRecord()
		record.Body().SetStr(text)
		sound(t, record)
	})
}

// FuzzReadMap has no words to look for, so that every form is reached with every type.
func FuzzReadMap(f *testing.F) {
	addPayloads(f)
	f.Fuzz(func(t *testing.T, text string) {
		var raw map[string]any
		if json.Unmarshal([]byte(text), &raw) != nil {
			return
		}
		record := plog.NewLogRecord()
		require.NoError(t, record.Body().SetEmptyMap().FromRaw(raw))
		sound(t, record)
	})
}
