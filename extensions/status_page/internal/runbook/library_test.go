// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

func examples(t *testing.T) *catalog.Catalog {
	t.Helper()
	loaded, problems := catalog.Load("../../../../examples/catalog")
	require.NoError(t, problems.Err())
	return loaded
}

// Without a folder, every service of the catalog has the pages that `srectl generate runbooks` writes, and so has the collector.
func TestLibraryOfTheCatalog(t *testing.T) {
	c := examples(t)
	l := NewLibrary("", func() *catalog.Catalog { return c }, runbooks.DefaultOptions())
	require.False(t, l.Missing())

	all, err := l.Read("")
	require.NoError(t, err)
	var names []string
	for _, e := range all.Folders {
		names = append(names, e.Name)
		index, err := l.Read(catalog.PathSegment(e.Name) + "/")
		require.NoError(t, err)
		require.NotEmpty(t, index.Pages, e.Name)
		for _, p := range index.Pages {
			page, err := l.Read(catalog.PathSegment(e.Name) + "/" + p.Name)
			require.NoError(t, err, p.Path)
			assert.Contains(t, string(page.HTML), "<h2", p.Path)
			assert.Equal(t, p.Path, l.Has(e.Name, p.Name))
		}
	}
	assert.Subset(t, names, []string{"checkout", "payment", "otelcol-sre"})
	assert.IsNonDecreasing(t, names)

	written, err := os.ReadFile("../../../../runbooks/examples/checkout/ErrorBudgetBurnCritical.md")
	require.NoError(t, err)
	page, err := l.Read("checkout/ErrorBudgetBurnCritical.md")
	require.NoError(t, err)
	want, err := render(written, "ErrorBudgetBurnCritical")
	require.NoError(t, err)
	assert.Equal(t, want.Title, page.Title)

	for _, at := range []string{"nobody/", "nobody/ServiceSilent", "checkout/Nothing", "checkout/a/b", "checkout", "../checkout/ServiceSilent", "checkout/ServiceSilent/"} {
		_, err := l.Read(at)
		assert.ErrorIs(t, err, ErrNotFound, at)
	}
	assert.Empty(t, l.Has("nobody", "ServiceSilent"))
	assert.Empty(t, l.Has("checkout", "MyOwnAlert"))
}

// A page in the folder is shown in place of the catalog's.
func TestLibraryPrefersTheFolder(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "checkout"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "gone"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkout", "ServiceSilent.md"), []byte("# By hand\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "gone", "Mine.md"), []byte("# Mine\n"), 0o600))
	c := examples(t)
	l := NewLibrary(Folder(folder), func() *catalog.Catalog { return c }, runbooks.DefaultOptions())

	page, err := l.Read("checkout/ServiceSilent")
	require.NoError(t, err)
	assert.Equal(t, "By hand", page.Title)
	page, err = l.Read("checkout/ErrorBudgetBurnHigh")
	require.NoError(t, err)
	assert.NotEqual(t, "By hand", page.Title)
	_, err = l.Read("gone/Mine")
	require.NoError(t, err)
	all, err := l.Read("")
	require.NoError(t, err)
	assert.Contains(t, all.Folders, Entry{"gone", "/runbooks/gone/"})
	assert.Contains(t, all.Folders, Entry{"payment", "/runbooks/payment/"})
}

// The pages follow the catalog.
func TestLibraryFollowsTheCatalog(t *testing.T) {
	c := &catalog.Catalog{}
	l := NewLibrary("", func() *catalog.Catalog { return c }, runbooks.DefaultOptions())
	require.True(t, l.Missing())
	_, err := l.Read("checkout/ServiceSilent")
	require.ErrorIs(t, err, ErrNotFound)
	c = examples(t)
	_, err = l.Read("checkout/ServiceSilent")
	require.NoError(t, err)
}
