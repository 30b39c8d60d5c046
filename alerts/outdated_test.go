// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// The collector first uses the entry that the rules were made from, then another, and then has the service no more.
func TestRulesOutdated(t *testing.T) {
	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	checkout := loaded.Lookup("checkout")
	f, _ := Generate(checkout, DefaultOptions())
	digest := fmt.Sprintf("%.0f", checkout.DigestNumber())
	expr := strings.ReplaceAll(find(t, f, Outdated).Expr, "\n", " ")
	other := fmt.Sprintf("%.0f", checkout.DigestNumber()+1)
	promqltest.RunTest(t, `load 1m
  slo_digest{service_name="checkout",service_namespace="`+checkout.Namespace+`",slo_name="availability"} `+digest+`x5 `+other+`x5 stale
  slo_digest{service_name="payment",slo_name="availability"} 7x20

eval instant at 3m `+expr+`

eval instant at 8m `+expr+`
  {} `+other+`

eval instant at 15m `+expr+`
  {} 1
`, promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))

	// A change that the rules depend on is another number.
	checkout.SLOs[0].Objective = 98.5
	assert.NotEqual(t, digest, fmt.Sprintf("%.0f", checkout.DigestNumber()))
	// What only Prometheus computes has no gauge to compare with.
	for _, slo := range checkout.SLOs {
		slo.SLI = catalog.SLI{Prometheus: &catalog.Prometheus{}}
	}
	g := &generator{service: checkout, options: DefaultOptions(), names: newNames(DefaultOptions().Translation), file: newFile(checkout)}
	assert.Empty(t, g.outdated().Alert)
}
