// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func minimal(name string) string {
	return fmt.Sprintf(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: %s}
spec:
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`, name)
}

// folder makes a folder of files, given as path: text.
func folder(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func names(c *Catalog) (all []string) {
	for _, s := range c.Services {
		all = append(all, s.Name)
	}
	return all
}

func TestSmallestFile(t *testing.T) {
	require.Equal(t, 5, strings.Count(minimal("a"), "\n"))
	c, problems := Parse("a.yaml", []byte(minimal("a")))
	require.Empty(t, problems)
	assert.Equal(t, &Service{
		Name: "a", Tier: 3, Position: Position{"a.yaml", 1, 1},
		SLOs: []*SLO{{
			Name: "availability", Objective: 99.9, Window: Window{Rolling: 30 * 24 * time.Hour},
			SLI:      SLI{Availability: &Availability{SpanSelection{Kinds: []string{"server", "consumer"}}}},
			Position: Position{"a.yaml", 5, 10},
		}},
	}, c.Services[0])
}

func TestLoadFolder(t *testing.T) {
	root := folder(t, map[string]string{
		"b.yaml":           minimal("b"),
		"sub/deep/a.yml":   minimal("a"),
		"notes.txt":        "not a catalog",
		".hidden.yaml":     "not: read",
		".git/config.yaml": "not: read",
		"two.yaml":         minimal("c") + "---\n" + minimal("d") + "---\n",
	})
	c, problems := Load(root, filepath.Join(root, "b.yaml"))
	require.Empty(t, problems)
	assert.Equal(t, []string{"a", "b", "c", "d"}, names(c))
	assert.NotEmpty(t, c.Revision)
}

// TestLoadConfigMap loads what the kubelet makes of a ConfigMap.
func TestLoadConfigMap(t *testing.T) {
	root := folder(t, map[string]string{"..2026_01_01/a.yaml": minimal("a")})
	require.NoError(t, os.Symlink("..2026_01_01", filepath.Join(root, "..data")))
	require.NoError(t, os.Symlink("..data/a.yaml", filepath.Join(root, "a.yaml")))
	c, problems := Load(root)
	require.Empty(t, problems)
	assert.Equal(t, []string{"a"}, names(c))
	assert.Equal(t, filepath.Join(root, "a.yaml"), c.Services[0].Position.File)
}

// Folders that all link to each other have factorially many names. Each is read once.
func TestFoldersThatLinkToEachOtherAreReadOnce(t *testing.T) {
	root := t.TempDir()
	const folders = 9
	for i := range folders {
		folder := filepath.Join(root, strconv.Itoa(i))
		require.NoError(t, os.Mkdir(folder, 0o755))
		for j := range folders {
			require.NoError(t, os.Symlink(filepath.Join(root, strconv.Itoa(j)), filepath.Join(folder, strconv.Itoa(j))))
		}
		text := fmt.Sprintf("apiVersion: %s\nkind: Service\nmetadata: {name: s%d}\n", APIVersion, i)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "service.yaml"), []byte(text), 0o600))
	}
	c, problems := Load(root, root)
	require.Empty(t, problems)
	assert.Len(t, c.Services, folders)
}

func TestLoadOddFiles(t *testing.T) {
	root := folder(t, map[string]string{
		"good.yaml":  minimal("good"),
		"huge.yaml":  minimal("huge") + "#" + strings.Repeat("x", maxFileSize),
		"bytes.yaml": "apiVersion: x\nname: \xff\n",
	})
	require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "broken.yaml")))
	require.NoError(t, os.Symlink("..", filepath.Join(root, "loop")))
	require.NoError(t, os.Symlink(root, filepath.Join(root, "self")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "pipe.yaml"), 0o644))
	c, problems := Load(root)
	assert.Equal(t, []string{"good"}, names(c))
	text := strings.ReplaceAll(problems.String(), root+"/", "")
	assert.Equal(t, `broken.yaml: error: cannot be read: no such file or directory; fix or remove the link
bytes.yaml:2:7: error: is not UTF-8; save the file as UTF-8
huge.yaml: error: is longer than 1048576 bytes; write one file per service
pipe.yaml: error: is not a regular file; remove it from the catalog folder
`, text)
}

func TestLoadNothing(t *testing.T) {
	root := t.TempDir()
	c, problems := Load(root, filepath.Join(root, "absent"))
	require.NotNil(t, c)
	assert.Empty(t, c.Services)
	assert.Equal(t, root+": warning: holds no catalog file; add a *.yaml file per service\n", problems.Warnings().String())
	assert.Equal(t, filepath.Join(root, "absent")+": error: no such file or folder; create it, or correct the path\n", problems.Errors().String())
}

// TestTwins: of two files for one service neither is loaded, the rest is.
func TestTwins(t *testing.T) {
	root := folder(t, map[string]string{"a.yaml": minimal("a"), "also-a.yaml": minimal("a"), "b.yaml": minimal("b")})
	c, problems := Load(root)
	assert.Equal(t, []string{"b"}, names(c))
	require.Len(t, problems, 1)
	assert.Equal(t, filepath.Join(root, "also-a.yaml"), problems[0].File)
	assert.Contains(t, problems[0].Message, filepath.Join(root, "a.yaml")+":3:18")
}

// TestBrokenServiceIsLeftOut: an error costs its own service only, not the file beside it.
func TestBrokenServiceIsLeftOut(t *testing.T) {
	root := folder(t, map[string]string{
		"good.yaml": minimal("good"),
		"bad.yaml":  strings.Replace(minimal("bad"), "99.9", "100", 1),
		"half.yaml": minimal("half") + "---\n{",
	})
	c, problems := Load(root)
	assert.Equal(t, []string{"good", "half"}, names(c))
	assert.Len(t, problems.Errors(), 2)
}

func TestDependencies(t *testing.T) {
	root := folder(t, map[string]string{
		"a.yaml": head + "metadata: {name: a, namespace: shop}\nspec: {dependsOn: [b, shop/b, other/b, c]}\n",
		"b.yaml": head + "metadata: {name: b, namespace: shop}\n",
	})
	_, problems := Load(root)
	require.NoError(t, problems.Err())
	require.Len(t, problems, 2)
	assert.Contains(t, problems[0].Message, `"other/b"`)
	assert.Contains(t, problems[1].Message, `"c"`)
}

// TestAliases are read where they are sane.
func TestAliases(t *testing.T) {
	c, problems := Parse("a.yaml", []byte(head+`metadata: {name: a}
spec:
  owner: &team payments
  escalation: {chat: *team}
`))
	require.NoError(t, problems.Err())
	assert.Equal(t, "payments", c.Services[0].Escalation.Chat)

	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	_, problems = Parse("bomb.yaml", []byte(bomb))
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0].Message, "expand to too much text")
}

// TestLoadTogether: loads do not disturb each other.
func TestLoadTogether(t *testing.T) {
	root := folder(t, map[string]string{"a.yaml": minimal("a"), "b.yaml": minimal("b")})
	var all sync.WaitGroup
	revisions := make([]string, 8)
	for i := range revisions {
		all.Go(func() {
			c, _ := Load(root, "testdata/checkout.yaml")
			revisions[i] = c.Revision
		})
	}
	all.Wait()
	for _, r := range revisions {
		assert.Equal(t, revisions[0], r)
	}
}

func BenchmarkLoad(b *testing.B) {
	example, err := os.ReadFile("testdata/checkout.yaml")
	require.NoError(b, err)
	root := b.TempDir()
	for i := range 1000 {
		name := fmt.Sprintf("service-%04d", i)
		text := strings.Replace(string(example), "name: checkout", "name: "+name, 1)
		require.NoError(b, os.WriteFile(filepath.Join(root, name+".yaml"), []byte(text), 0o644))
	}
	b.ReportAllocs()
	for b.Loop() {
		if c, problems := Load(root); problems.Err() != nil || len(c.Services) != 1000 {
			b.Fatal(problems)
		}
	}
}

func TestSlug(t *testing.T) {
	one := func(name, namespace string) string {
		return head + "metadata: {name: " + name + namespace + "}\nspec: {}\n"
	}
	c, problems := Parse("services.yaml", []byte(strings.Join([]string{
		one("cart", ""), one("cart", ", namespace: de"), one("cart", ", namespace: es"), one("mail", ", namespace: es"),
		one("es.cart", ", namespace: x"), one("cart", ", namespace: es.cart"), one("cart.cart", ", namespace: es"),
	}, "---\n")))
	require.NoError(t, problems.Err())
	slugs := map[string]string{}
	for _, s := range c.Services {
		slugs[s.Namespace+" "+s.Name] = s.Slug()
	}
	assert.Equal(t, map[string]string{
		" cart": "cart", "de cart": "de.cart", "es cart": "es.cart-2", "es mail": "mail",
		"x es.cart": "es.cart", "es.cart cart": "es.cart.cart", "es cart.cart": "cart.cart",
	}, slugs)
}
