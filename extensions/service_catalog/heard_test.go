// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

const everyService = "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Defaults\nmetadata: {name: all}\nspec: {owner: mine, " +
	"slos: [{name: availability, objective: 99, sli: {availability: {}}}]}\n"

// A service without an entry gets what the configuration says, then what Defaults of the folders say, then what its entry says.
func TestServicesWithoutAnEntry(t *testing.T) {
	dir := t.TempDir()
	e := newEnvironment(t, byPoll, dir)
	e.config.Admission = admission.DefaultLimits()
	e.config.Defaults = map[string]any{"owner": "built-in"}
	var err error
	e.serviceCatalog, err = newServiceCatalog(e.settings, e.config)
	require.NoError(t, err)
	e.newEvents = byPoll.newEvents
	require.NoError(t, e.Start(t.Context(), e.host))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(t.Context())) })

	owner := func() string {
		s := Heard(e.serviceCatalog).Hear(admission.Identity{Service: "checkout"})
		if s == nil {
			return ""
		}
		return s.Owner
	}
	assert.Equal(t, "built-in", owner())
	becomes := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool { return owner() == want }, 10*time.Second, 5*time.Millisecond)
	}
	file := filepath.Join(dir, "defaults.yaml")
	require.NoError(t, os.WriteFile(file, []byte(everyService), 0o600))
	becomes("mine")

	// A mistake in the only file keeps what is in use.
	require.NoError(t, os.WriteFile(file, []byte(everyService+"teir: 1\n"), 0o600))
	require.Eventually(t, func() bool { return e.Reading().Refused }, 10*time.Second, 5*time.Millisecond)
	assert.Equal(t, "mine", owner())
	require.NoError(t, os.Remove(file))
	require.Eventually(t, func() bool { return len(e.Problems()) > 0 && e.Problems()[0].File == "directory" }, 10*time.Second, 5*time.Millisecond)
	assert.Equal(t, "mine", owner())

	service := "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: checkout}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout.yaml"), []byte(service), 0o600))
	becomes("")
}
