package scenario_test

import (
	"os"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/alerts/scenario"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func checkout(t *testing.T) scenario.Scenario {
	t.Helper()
	c, problems := catalog.Parse("checkout.yaml", []byte(`
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  owner: payments
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
`))
	require.Empty(t, problems)
	return scenario.Scenario{Service: c.Services[0], SLO: c.Services[0].SLOs[0], Environment: "production", Start: noon}
}

func handWritten(t *testing.T) rulefmt.RuleGroups {
	t.Helper()
	text, err := os.ReadFile("testdata/simple.rules.yaml")
	require.NoError(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	require.Empty(t, errs)
	return *groups
}

func play(t *testing.T, s *scenario.Scenario, file rulefmt.RuleGroups) *scenario.Playback {
	t.Helper()
	p, err := scenario.Run(t.Context(), s, file, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// The FACTS of the usual recipe: what others measured of it comes out here too.
func TestSloth(t *testing.T) {
	var rows []scenario.Row
	for _, s := range scenario.Comparisons(checkout(t)) {
		begin := time.Now()
		row, err := scenario.Compare(t.Context(), s, handWritten(t))
		require.NoError(t, err)
		t.Log(s.Name, time.Since(begin))
		rows = append(rows, row)
	}
	require.NoError(t, scenario.WriteTable(os.Stdout, rows))
	assert.Len(t, rows, 6)
}
