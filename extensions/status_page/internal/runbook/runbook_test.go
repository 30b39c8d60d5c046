// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// library is a folder with a page of each kind, beside what nobody may read.
func library(t testing.TB) Folder {
	root := t.TempDir()
	folder := filepath.Join(root, "runbooks")
	for name, text := range map[string]string{
		"secret.md":                            "# secret",
		"runbooks/README.md":                   "# All",
		"runbooks/checkout/README.md":          "# checkout\n\n[Silent](ServiceSilent.md)",
		"runbooks/checkout/ServiceSilent.md":   "# ServiceSilent: checkout",
		"runbooks/checkout/.notes.md":          "# hidden",
		"runbooks/checkout/notes.txt":          "no page",
		"runbooks/checkout/by hand.md":         "# By hand",
		"runbooks/a%2Fb/Alert%20of%20yours.md": "# Escaped",
		"runbooks/_../Alert.md":                "# A service that is called ..",
		"runbooks/.git/config.md":              "# hidden",
		"runbooks/empty/folder/deep/Alert.md":  "# deep",
		"runbooks/checkout/long.md":            strings.Repeat("long ", maxSize/5+1),
		"runbooks/checkout/folder.md/Alert.md": "# In a folder that is called like a page",
		"runbooks/checkout/..data/mounted.md":  "# mounted",
		"runbooks/checkout/Ünïcode ✓/Alert.md": "# Unicode",
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	for from, to := range map[string]string{
		"checkout/out.md":      filepath.Join(root, "secret.md"),
		"checkout/up.md":       "../../secret.md",
		"checkout/in.md":       "ServiceSilent.md",
		"checkout/mounted.md":  "..data/mounted.md", // as Kubernetes mounts a ConfigMap
		"checkout/dangling.md": "nothing.md",
		"outside":              root,
		"loop":                 "loop",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(folder, from)))
	}
	return Folder(folder)
}

func TestRead(t *testing.T) {
	folder := library(t)
	for at, title := range map[string]string{
		"":                          "All",
		"checkout/":                 "checkout",
		"checkout/README.md":        "checkout",
		"checkout/ServiceSilent":    "ServiceSilent: checkout",
		"checkout/ServiceSilent.md": "ServiceSilent: checkout",
		"checkout/by%20hand":        "By hand",
		"checkout/in":               "ServiceSilent: checkout",
		"checkout/mounted":          "mounted",
		"a%2Fb/Alert%20of%20yours":  "Escaped",
		"_../Alert":                 "A service that is called ..",
		"empty/folder/deep/Alert":   "deep",
		"checkout/%C3%9Cn%C3%AFcode%20%E2%9C%93/Alert": "Unicode",
	} {
		page, err := folder.Read(at)
		if assert.NoError(t, err, at) {
			assert.Equal(t, title, page.Title, at)
		}
	}
	page, err := folder.Read("checkout/")
	require.NoError(t, err)
	var names []string
	for _, e := range page.Pages {
		names = append(names, e.Name)
	}
	assert.Equal(t, []string{"ServiceSilent", "by hand", "in", "long", "mounted"}, names)
	assert.Equal(t, "/runbooks/checkout/by%20hand", page.Pages[1].Path)
	page, err = folder.Read("")
	require.NoError(t, err)
	assert.Equal(t, Entry{"_..", "/runbooks/_../"}, page.Folders[0])
	assert.Equal(t, Entry{"a/b", "/runbooks/a%2Fb/"}, page.Folders[1])
}

func TestWhatIsNoPageIsNotRead(t *testing.T) {
	folder := library(t)
	for _, at := range []string{
		"checkout/Nothing", "nothing/", "checkout/notes.txt", "checkout/notes", "checkout/.notes", "checkout/.notes.md", ".git/config", ".git/",
		"../secret", "..%2Fsecret", "checkout/..%2F..%2Fsecret", "checkout/../../secret", "%2e%2e/secret", "/etc/passwd", "%2Fetc%2Fpasswd", "checkout//ServiceSilent",
		"checkout/out", "checkout/up", "checkout/dangling", "outside/secret", "outside/", "loop/", "loop", "checkout/..data/mounted",
		"checkout\\ServiceSilent", "checkout%5CServiceSilent", "checkout/Service%00Silent", "checkout/%", "checkout/folder",
		strings.Repeat("a/", 100), strings.Repeat("a", 5000), "checkout/ServiceSilent/",
	} {
		_, err := folder.Read(at)
		require.ErrorIs(t, err, ErrNotFound, at)
	}
	_, err := folder.Read("checkout/long")
	require.ErrorIs(t, err, ErrTooLong)
	_, err = Folder("").Read("")
	require.ErrorIs(t, err, ErrNoFolder)
	_, err = Folder(filepath.Join(t.TempDir(), "missing")).Read("")
	require.ErrorIs(t, err, ErrNoFolder)
}

func TestHas(t *testing.T) {
	folder := library(t)
	assert.Equal(t, "/runbooks/checkout/ServiceSilent", folder.Has("checkout", "ServiceSilent"))
	assert.Equal(t, "/runbooks/a%2Fb/Alert%20of%20yours", folder.Has("a/b", "Alert of yours"))
	for _, name := range [][2]string{{"checkout", "Nothing"}, {"", ""}, {"..", "secret"}, {"checkout", "out"}, {"checkout", "../README"}, {".git", "config"}} {
		assert.Empty(t, folder.Has(name[0], name[1]), name)
	}
	assert.Empty(t, Folder("").Has("checkout", "ServiceSilent"))
}

// Every generated page is shown, and each of its anchors is there.
func TestGeneratedPages(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..", "runbooks", "examples")
	pages := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != extension || strings.Contains(path, "testdata") {
			return err
		}
		pages++
		at, err := filepath.Rel(root, path)
		require.NoError(t, err)
		page, err := Folder(root).Read(filepath.ToSlash(at))
		require.NoError(t, err, at)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		links, anchors := runbooks.Links(text)
		for anchor := range anchors {
			assert.Contains(t, string(page.HTML), ` id="`+anchor+`"`, at)
		}
		for _, link := range links {
			if strings.HasSuffix(link.To, extension) && !strings.Contains(link.To, ":") {
				_, err := Folder(root).Read(filepath.ToSlash(filepath.Join(filepath.Dir(at), link.To)))
				assert.NoError(t, err, "%s:%d leads to %s", at, link.Line, link.To)
			}
		}
		return nil
	}))
	assert.Greater(t, pages, 20)
}

func TestNothingInAPageRuns(t *testing.T) {
	for name, text := range map[string]string{
		"HTML":       "# a\n\n<script>alert(1)</script>\n\n<b onclick=\"x()\">b</b> <img src=x onerror=y>",
		"link":       "# a\n\n[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) [d](vbscript:x) <javascript:alert(1)>",
		"attributes": "# a {onclick=alert(1)}\n\n![x\" onerror=\"y](x \"t\\\" onload=\\\"z\")",
		"heading":    "# <script>alert(1)</script>\"><img src=x>\n",
	} {
		page, err := render([]byte(text), "x")
		require.NoError(t, err, name)
		for _, bad := range []string{"<script", "onclick=\"", "<img src=\"x\" onerror", "href=\"javascript", "href=\"JaVa", "href=\"data:", "href=\"vbscript", " onload=\""} {
			assert.NotContains(t, string(page.HTML), bad, name)
		}
	}
}

// What one does not see does not change what one copies.
func TestHiddenCharactersAreTakenOut(t *testing.T) {
	page, err := render([]byte("# a\x1b[31m\u202eb\r\n\n`rm \u2066x`\x00\xff\n"), "x")
	require.NoError(t, err)
	assert.Equal(t, "# a[31mb\n\n`rm x`�\n", page.Markdown)
	assert.Equal(t, "a[31mb", page.Title)
}

// Whatever the path, what is shown is a page of the folder.
func FuzzRead(f *testing.F) {
	folder := library(f)
	for _, at := range []string{"", "checkout/", "checkout/ServiceSilent", "../secret", "%2e%2e%2fsecret", "outside/secret", "a%2Fb/Alert%20of%20yours", "checkout/up.md", "checkout/..data/mounted", "\x00", "%"} {
		f.Add(at)
	}
	f.Fuzz(func(t *testing.T, at string) {
		page, err := folder.Read(at)
		if err != nil {
			assert.True(t, errors.Is(err, ErrNotFound) || errors.Is(err, ErrTooLong), "%q: %v", at, err)
			return
		}
		assert.NotContains(t, page.Markdown, "secret", at)
		assert.NotContains(t, page.Markdown, "hidden", at)
		for _, e := range append(page.Folders, page.Pages...) {
			assert.True(t, strings.HasPrefix(e.Path, "/runbooks/"), e.Path)
		}
	})
}
