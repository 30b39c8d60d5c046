// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	examples  = "../examples/correlation/"
	requestID = "8f14e45f-ceea-467f-a0e6-9d5b7c3e2a11"
)

// A correlator is a collector with the examples' config that writes what leaves it to a file.
type correlator struct {
	*collector
	sink fileSink
}

// newCorrelator starts a collector with examples/correlation/collector.yaml, the other config
// there that is named, and overrides, as YAML.
func newCorrelator(t *testing.T, config, overrides string) correlator {
	t.Helper()
	sink, sinkConfig := newFileSink(t)
	c := correlator{sink: sink, collector: &collector{
		t: t, name: "correlator", env: os.Environ(), log: filepath.Join(t.TempDir(), "collector.log"),
		otlpGRPC: freeAddress(t), otlpHTTP: freeAddress(t), health: freeAddress(t),
	}}
	own := fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: %s}, http: {endpoint: %s}}}}
extensions: {health_check: {endpoint: %s}}
service: {extensions: [health_check], telemetry: {metrics: {level: none}}}
`, c.otlpGRPC, c.otlpHTTP, c.health)
	for _, source := range []string{examples + "collector.yaml", examples + config, sinkConfig, "yaml:" + own, "yaml:" + overrides} {
		c.args = append(c.args, "--config", source)
	}
	c.start()
	t.Cleanup(c.kill)
	return c
}

// waitFor waits until as many spans and log records have left the collector.
func (c correlator) waitFor(count int) []arrival {
	c.t.Helper()
	var arrivals []arrival
	assert.Eventually(c.t, func() bool {
		arrivals = c.sink.read(c.t)
		return len(arrivals) >= count
	}, patience, 50*time.Millisecond)
	require.Len(c.t, arrivals, count, "%v", arrivals)
	return arrivals
}

// sender says whose the arrival is: "shop span", "nginx log".
func sender(a arrival) string {
	if a.isLog {
		return a.service() + " log"
	}
	return a.service() + " span"
}

// A server is a process that answers at url.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}
	log  string
	url  string
}

var ownURL = regexp.MustCompile(`(?m)^http://127\.0\.0\.1:\d+$`)

// startServer starts a program that prints its URL as a line of its own, or one that answers at url.
func startServer(t *testing.T, url string, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, done: make(chan struct{}), log: filepath.Join(t.TempDir(), "log"), url: url}
	log, err := os.Create(s.log)
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait()
		_ = log.Close()
		close(s.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-s.done
		if t.Failed() {
			t.Logf("%s:\n%s", cmd.Path, lastLines(s.output(), 40))
		}
	})
	require.Eventually(t, func() bool {
		if s.url == "" {
			s.url = ownURL.FindString(s.output())
			return s.url != ""
		}
		connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}, patience, 50*time.Millisecond, "%s does not answer", cmd.Path)
	return s
}

func (s *server) output() string {
	text, err := os.ReadFile(s.log)
	require.NoError(s.t, err)
	return string(text)
}

// stop ends the server gracefully: it sends what telemetry it has left.
func (s *server) stop() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("%s did not stop", s.cmd.Path)
	}
	require.True(s.t, s.cmd.ProcessState.Success(), "%s: %s", s.cmd.Path, s.cmd.ProcessState)
}

// buy sends the server a request with the ID, or with none.
func (s *server) buy(path, id string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, http.NoBody)
	require.NoError(s.t, err)
	if id != "" {
		request.Header.Set("X-Request-Id", id)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	require.Equal(s.t, http.StatusOK, response.StatusCode)
}

// needs is the path of the program.
func needs(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program) // not in everybody's PATH
	}
	require.NoError(t, err, "this test runs %s: install Debian's package %s", program, debianPackage)
	return path
}

// What the recipes show is what the examples have, which the other tests run.
func TestRecipesAreTheExamples(t *testing.T) {
	var files []string
	require.NoError(t, filepath.WalkDir(examples, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "node_modules":
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) == ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		files = append(files, "\n"+string(text))
		return err
	}))
	var tried int
	for _, readme := range []string{examples + "README.md", "../processors/correlation/README.md"} {
		for _, block := range blocks(t, readme, "Recipes") {
			tried++
			var found bool
			for _, file := range files {
				found = found || strings.Contains(file, "\n"+block)
			}
			assert.True(t, found, "in no file of examples/correlation, but in %s:\n%s", readme, block)
		}
	}
	assert.GreaterOrEqual(t, tried, 4)
}

// blocks are the fenced ones under the heading, without their fences.
func blocks(t *testing.T, file, heading string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for i, part := range strings.Split("\n"+section, "\n```") {
		if i%2 == 1 {
			_, block, _ := strings.Cut(part, "\n")
			blocks = append(blocks, block+"\n")
		}
	}
	return blocks
}
