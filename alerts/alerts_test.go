package alerts

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./alerts -update writes it")
	require.Equal(t, string(want), string(got))
}

// valid is what Prometheus itself asks of a rule file.
func valid(t testing.TB, text []byte) *rulefmt.RuleGroups {
	t.Helper()
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, errs, "%s", text)
	return groups
}

func rules(t testing.TB, f File) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f.WriteRules(&b))
	return b.Bytes()
}

func TestExampleCatalog(t *testing.T) {
	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	for _, s := range loaded.Services {
		t.Run(s.Name, func(t *testing.T) {
			f, warnings := Generate(s, DefaultOptions())
			require.Empty(t, warnings)
			text := rules(t, f)
			valid(t, text)
			golden(t, FileName(s), text)
		})
	}
}
