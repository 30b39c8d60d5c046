// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// ledgers are two services of one name, and callers of each.
const ledgers = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: ledger, namespace: bank}
spec: {slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: ledger, namespace: mall}
spec: {slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: till, namespace: mall}
spec: {dependsOn: [mall/ledger], slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: vault, namespace: bank}
spec: {dependsOn: [ledger], slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
`

// Files of each kind have the same names, and a reference means the same service in each.
func TestNamesakesInFilesOfEachKind(t *testing.T) {
	out := t.TempDir()
	generate(t, exit.OK, "--catalog", commandtest.Catalog(t, ledgers), "--out", out)
	text := func(file string) string {
		content, err := os.ReadFile(filepath.Join(out, file))
		require.NoError(t, err)
		return string(content)
	}
	for _, slug := range []string{"bank.ledger", "mall.ledger", "till", "vault"} {
		assert.Contains(t, text("alerts/"+slug+".rules.yaml"), "/runbooks/"+slug+"/")
		assert.Contains(t, text("runbooks/"+slug+"/README.md"), "# ")
		assert.Contains(t, text("dashboards/"+slug+".json"), "/runbooks/"+slug)
	}

	till, vault := text("dashboards/till.json"), text("dashboards/vault.json")
	mall, bank := text("dashboards/mall.ledger.json"), text("dashboards/bank.ledger.json")
	assert.Contains(t, till, "Needs: [mall/ledger](/d/"+uidOf(t, mall)+")")
	assert.Contains(t, vault, "Needs: [ledger](/d/"+uidOf(t, bank)+")")
	for _, of := range []struct{ dashboard, neighbor, other string }{{till, "ledger", "vault"}, {mall, "till", "vault"}, {bank, "vault", "till"}} {
		assert.Contains(t, of.dashboard, `\"yes\", \"neighbor\", \"`+of.neighbor+`\"`)
		assert.NotContains(t, of.dashboard, `\"yes\", \"neighbor\", \"`+of.other)
	}

	page := text("runbooks/till/README.md")
	assert.Contains(t, page, "[mall/ledger](../mall.ledger/README.md)")
	assert.Contains(t, page, `slo:current_burn_rate:ratio{service_name=~"ledger",service_namespace="mall"}`)
	page = text("runbooks/vault/README.md")
	assert.Contains(t, page, "[ledger](../bank.ledger/README.md)")
	assert.Contains(t, page, `slo:current_burn_rate:ratio{service_name=~"ledger",service_namespace="bank"}`)
}

func uidOf(t *testing.T, dashboard string) string {
	t.Helper()
	var d struct{ UID string }
	require.NoError(t, json.Unmarshal([]byte(dashboard), &d))
	return d.UID
}
