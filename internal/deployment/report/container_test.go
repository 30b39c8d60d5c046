// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestTheMainContainerTellsTheVersion(t *testing.T) {
	for name, c := range map[string]struct{ containers, want string }{
		"a proxy first":      {`{"name":"proxy","image":"reg.example.com/proxy:1.22.0"},{"name":"web","image":"reg.example.com/web:3.1.0"}`, "3.1.0"},
		"by the image":       {`{"name":"a","image":"reg.example.com/proxy:1.22.0"},{"name":"b","image":"reg.example.com:5000/x/web:3.1.0"}`, "3.1.0"},
		"by the port":        {`{"name":"migrate","image":"m:7"},{"name":"server","image":"s:3.1.0","ports":[{"containerPort":80}]}`, "3.1.0"},
		"a sidecar listens":  {`{"name":"istio-proxy","image":"i:1.22.0","ports":[{"containerPort":80}]},{"name":"server","image":"s:3.1.0"}`, "3.1.0"},
		"a digest":           {`{"name":"proxy","image":"proxy:1.22.0"},{"name":"web","image":"reg.example.com/web@sha256:0123456789abcdef"}`, "sha256:0123456789abcdef"},
		"a tag and a digest": {`{"name":"web","image":"reg.example.com/web:3.1.0@sha256:0123456789abcdef"}`, "3.1.0"},
		"latest by digest":   {`{"name":"web","image":"reg.example.com/web:latest@sha256:0123456789abcdef"}`, "sha256:0123456789abcdef"},
		"the first":          {`{"name":"a","image":"a:1.0"},{"name":"b","image":"b:2.0"}`, "1.0"},
		"latest":             {`{"name":"web","image":"reg.example.com/web:latest"}`, ""},
		"none":               {``, ""},
	} {
		record := plog.NewLogRecord()
		record.Body().SetStr(fmt.Sprintf(`{"type":"MODIFIED","object":{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"shop","generation":2},
			"spec":{"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[%s]}}},
			"status":{"observedGeneration":2,"conditions":[{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable","lastUpdateTime":"2026-11-21T14:00:00Z"}]}}}`, c.containers))
		got, ok, err := Read(pcommon.NewMap(), record)
		require.NoError(t, err, name)
		require.True(t, ok, name)
		require.Equal(t, c.want, got.Version, name)
	}
}
