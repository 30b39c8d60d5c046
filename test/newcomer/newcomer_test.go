// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package newcomer

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

var build = flag.Bool("build", false, "compile the programs in the clone, instead of taking those in bin")

const (
	// most is how many commands a newcomer may need.
	most = 6
	// patience is how long a test waits for what comes within seconds on a machine that does nothing else. It is no promise.
	patience = 5 * time.Minute
	document = "../../docs/first-service.md"
)

// A newcomer has a folder, a home without any settings, and ports that nobody else uses.
type newcomer struct {
	t                     *testing.T
	folder                string
	environment           []string
	addresses             map[string]string // as the document has them, to those of this test
	collector, page, port string            // of the status page; of the web page; of the service
}

func newNewcomer(t *testing.T) *newcomer {
	t.Helper()
	n := &newcomer{t: t, folder: t.TempDir(), collector: freeAddress(t), page: freeAddress(t)}
	otlp, root := freeAddress(t), command(t, "git", "rev-parse", "--show-toplevel")
	_, n.port, _ = net.SplitHostPort(freeAddress(t))
	_, telemetry, _ := net.SplitHostPort(freeAddress(t))
	repository := filepath.Join(t.TempDir(), "otelcol-sre") // the checkout may have another name
	require.NoError(t, os.Symlink(root, repository))
	n.addresses = map[string]string{
		"https://github.com/otelcol-sre/otelcol-sre": "file://" + repository,
		"localhost:4318": otlp,
		"localhost:8000": n.page,
		"srectl init":    "srectl init --url http://" + n.collector,
	}
	n.environment = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=dumb", "PORT=" + n.port,
		"OTELCOL_SRE_OTLP_HTTP=" + otlp, "OTELCOL_SRE_OTLP_GRPC=" + freeAddress(t), "OTELCOL_SRE_STATUS_PAGE=" + n.collector,
		"OTELCOL_SRE_PROMETHEUS=" + freeAddress(t), "OTELCOL_SRE_PROMETHEUS_API=" + freeAddress(t), "OTELCOL_SRE_HEALTH=" + freeAddress(t),
		"OTELCOL_SRE_TELEMETRY_HOST=127.0.0.1", "OTELCOL_SRE_TELEMETRY_PORT=" + telemetry,
		// Where packages come from, and what was compiled already, is of the machine.
		"GOENV=" + command(t, "go", "env", "GOENV"), "GOMODCACHE=" + command(t, "go", "env", "GOMODCACHE"), "GOCACHE=" + command(t, "go", "env", "GOCACHE"),
		"NPM_CONFIG_USERCONFIG=" + command(t, "npm", "config", "get", "userconfig"),
		// The repository may belong to another user, as in a container of CI.
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}
	// So are its certificates and proxies.
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value, set := os.LookupEnv(name); set {
			n.environment = append(n.environment, name+"="+value)
		}
	}
	return n
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := observed.FreeAddress()
	require.NoError(t, err)
	return address
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	require.NoError(t, err, "%s %s", name, args)
	return strings.TrimSpace(string(out))
}

// commands are those that the document has under a heading.
func commands(t *testing.T, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	require.True(t, found, "%s has no heading %q", document, heading)
	_, block, found := strings.Cut(section, "\n```sh\n")
	require.True(t, found)
	block, _, found = strings.Cut(block, "\n```\n")
	require.True(t, found)
	return strings.Split(block, "\n")
}

// run runs a line of the document, and returns when it has ended. One that ends with & goes on until the test ends.
func (n *newcomer) run(line string) {
	n.t.Helper()
	for from, to := range n.addresses {
		line = strings.ReplaceAll(line, from, to)
	}
	line, background := strings.CutSuffix(line, " &")
	log, err := os.OpenFile(filepath.Join(n.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(n.t, err)
	cmd := exec.Command("bash", "-c", line)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.folder, n.environment, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(n.t, cmd.Start())
	if !background {
		err := cmd.Wait()
		_ = log.Close()
		require.NoError(n.t, err, "%s\n%s", line, n.log())
		return
	}
	n.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = log.Close()
	})
}

func (n *newcomer) log() string {
	text, _ := os.ReadFile(filepath.Join(n.folder, "log"))
	return string(text[max(0, len(text)-5000):])
}

// takeBuilt gives the clone what make has built in this checkout.
func (n *newcomer) takeBuilt() {
	n.t.Helper()
	bin := filepath.Join(n.folder, "otelcol-sre", "bin")
	require.NoError(n.t, errors.Join(os.Mkdir(bin, 0o755), os.Mkdir(filepath.Join(filepath.Dir(bin), ".cache"), 0o755)))
	for _, program := range []string{"otelcol-sre", "srectl", "shop"} {
		built, err := os.Open(filepath.Join("../../bin", program))
		require.NoError(n.t, err, "make build")
		// A copy, because make touches it.
		own, err := os.OpenFile(filepath.Join(bin, program), os.O_CREATE|os.O_WRONLY, 0o755)
		require.NoError(n.t, err)
		_, err = io.Copy(own, built)
		require.NoError(n.t, errors.Join(err, own.Close(), built.Close()))
	}
	out, err := exec.CommandContext(n.t.Context(), "make", "-C", filepath.Join(n.folder, "otelcol-sre"), "--touch", "build").CombinedOutput()
	require.NoError(n.t, err, "%s", out)
}

// ask reads a page of the collector. It fails while there is none.
func (n *newcomer) ask(path, accept string) (string, error) {
	request, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, "http://"+n.collector+path, http.NoBody)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(text), err
}

// counted is how many requests, or calls, of the service the page knows of.
func (n *newcomer) counted(service string) (events float64) {
	text, err := n.ask("/services?history=7d", "application/json")
	if err != nil {
		return 0
	}
	type history struct{ Requests *float64 }
	var answer struct {
		Data struct {
			Services []struct {
				Service string
				Places  []struct{ History, Outgoing *history }
			}
		}
	}
	require.NoError(n.t, json.Unmarshal([]byte(text), &answer))
	for _, s := range answer.Data.Services {
		for _, p := range s.Places {
			for _, h := range []*history{p.History, p.Outgoing} {
				if s.Service == service && h != nil && h.Requests != nil {
					events += *h.Requests
				}
			}
		}
	}
	return events
}

func (n *newcomer) eventually(what string, holds func() bool) {
	n.t.Helper()
	for deadline := time.After(patience); !holds(); {
		select {
		case <-deadline:
			require.Fail(n.t, what, n.log())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// answers asks a server once.
func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	return err == nil
}

// customers use the service until ctx is done.
func (n *newcomer) customers(ctx context.Context) {
	for ctx.Err() == nil {
		answers(ctx, "http://127.0.0.1:"+n.port)
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// reader looks at the page in Chromium until ctx is done. It begins when there is a page.
func (n *newcomer) reader(ctx context.Context) {
	chromium, err := exec.LookPath("chromium")
	if !assert.NoError(n.t, err, "tests need it; on Debian: apt-get install chromium") {
		return
	}
	for !answers(ctx, "http://"+n.page) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	browser := exec.CommandContext(ctx, chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0", "--user-data-dir="+n.t.TempDir(), "http://"+n.page)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	browser.Cancel = func() error { return syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) }
	_ = browser.Run() // it is killed
}

// A newcomer types what the document says, and has an SLO, its alert and its runbook on the page.
func TestFirstService(t *testing.T) {
	for _, first := range []struct {
		heading, service string
		use              func(*newcomer, context.Context)
	}{
		{"Node.js", "first-nodejs", (*newcomer).customers},
		{"Go", "first-go", (*newcomer).customers},
		{"A page in a browser", "first-page", (*newcomer).reader},
	} {
		t.Run(first.service, func(t *testing.T) {
			lines := commands(t, first.heading)
			assert.LessOrEqual(t, len(lines), most)
			for _, line := range lines {
				assert.NotRegexp(t, `&&|;|\||\\$`, line, "one command in a line")
			}
			require.Regexp(t, "^git clone ", lines[0])
			require.Regexp(t, "^make ", lines[1])
			last := len(lines) - 1
			require.Contains(t, lines[last], "srectl init")

			n := newNewcomer(t)
			n.run(lines[0])
			if !*build {
				n.takeBuilt()
			}
			n.run(lines[1])
			began := time.Now()
			for _, line := range lines[2:last] {
				n.run(line)
			}
			ctx, leave := context.WithCancel(t.Context())
			using := make(chan struct{})
			go func() {
				defer close(using)
				first.use(n, ctx)
			}()
			defer func() {
				leave()
				<-using
			}()
			n.eventually("nothing is counted", func() bool { return n.counted(first.service) >= 20 })
			counted := time.Since(began)
			n.run(lines[last])
			n.hasAll(first.service)
			t.Logf("%s: %d commands; counted %.0f s after the build, SLO, alert and runbook after %.0f s", first.service, len(lines), counted.Seconds(), time.Since(began).Seconds())
		})
	}
}

// hasAll waits for the SLO, which is no proposal, its rules, and its runbook.
func (n *newcomer) hasAll(service string) {
	n.t.Helper()
	var page string
	n.eventually("the page does not have what the file says", func() bool {
		var err error
		page, err = n.ask("/services/"+service, "text/html")
		return err == nil && strings.Contains(page, "my-team") && !strings.Contains(page, "proposed")
	})
	assert.Contains(n.t, page, "availability")
	assert.Contains(n.t, page, `href="/runbooks/`+service+`/"`)
	n.eventually("no rules are made", func() bool {
		text, err := n.ask("/rules/"+service+".yaml", "*/*")
		return err == nil && strings.Contains(text, "alert: ErrorBudgetBurnCritical")
	})
	n.eventually("the alert has no runbook", func() bool {
		text, err := n.ask("/runbooks/"+service+"/ErrorBudgetBurnCritical", "text/html")
		return err == nil && strings.Contains(text, "Mitigation")
	})
}
