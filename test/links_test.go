package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var markdownLink = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)

// Every relative link in every Markdown file leads to a file or folder.
func TestMarkdownLinksLeadSomewhere(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files", "*.md").Output()
	require.NoError(t, err)
	var links int
	for _, file := range strings.Fields(string(out)) {
		text, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		for _, link := range markdownLink.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			links++
			_, err := os.Stat(filepath.Join("..", filepath.Dir(file), link[1]))
			assert.NoError(t, err, "a link in %s", file)
		}
	}
	assert.Greater(t, links, 20)
}
