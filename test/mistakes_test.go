// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A mistake is something that people get wrong before the first SLO is on the page. All that the terminal shows is one sentence (or one for
// each wrong key of a config), and the exit code is not 0.
type mistake struct {
	name string
	// args follow the program; {dir} is a folder of the test with its files.
	args  []string
	env   []string
	files map[string]string
	// taken is a variable whose address another process has.
	taken string
	// asUser runs the collector as a user without rights.
	asUser bool
	// want is a regular expression of all that the terminal shows.
	want string
}

var standalone = []string{"--config", "builtin:standalone"}

func with(args ...string) []string { return slices.Concat(standalone, args) }

var mistakes = []mistake{
	// The command line.
	{name: "no config", want: `no config is given; name one, such as --config builtin:standalone \(or builtin:agent, builtin:gateway, or a file\)`},
	{name: "a slip in a flag", args: []string{"--confg", "builtin:standalone"}, want: `there is no flag --confg; did you mean --config\?`},
	{name: "an unknown flag", args: []string{"--verbose"}, want: `there is no flag --verbose; --help lists those that exist`},
	{name: "a flag without a value", args: []string{"--config"}, want: `flag needs an argument: --config; write it as --config builtin:standalone`},
	{name: "a slip in a command", args: []string{"validat", "--config", "builtin:agent"}, want: `there is no command "validat"; did you mean validate\?`},
	{name: "a command that does not exist", args: []string{"start"}, want: `there is no command "start"; a config is given with --config, and --help lists the commands`},
	{name: "a variable behind the program", args: []string{"OTELCOL_SRE_CATALOG=catalog"}, want: `"OTELCOL_SRE_CATALOG=catalog" is no command; write variables before the program: OTELCOL_SRE_CATALOG=catalog otelcol-sre --config …`},
	{name: "a slip in a role", args: []string{"--config", "builtin:standalon"}, want: `no built-in config "standalon"; did you mean builtin:standalone\? there are agent, gateway and standalone, and, .* agent-queue-on-disk, .*, zipkin`},
	{name: "an unknown fragment", args: with("--config", "builtin:influxdb"), want: `no built-in config "influxdb"; there are agent, gateway and standalone, and, to merge over one of them: agent-queue-on-disk, .*, zipkin`},
	{name: "a role without builtin:", args: []string{"--config", "gateway"}, want: `--config gateway: there is no such file; the built-in config is --config builtin:gateway`},
	{name: "a slip in builtin:", args: []string{"--config", "bultin:standalone"}, want: `--config bultin:standalone: there is no kind of location "bultin"; did you mean builtin:\?`},
	{name: "an unknown kind of location", args: []string{"--config", "s3:bucket/config.yaml"}, want: `--config s3:bucket/config.yaml: there is no kind of location "s3"; there are builtin, file, env, yaml, http`},
	{name: "--set without a value", args: with("--set", "processors.slo"), want: `invalid argument "processors.slo" for "--set" flag: missing equal sign`},
	{name: "--set with a wrong value", args: with("--set", "processors.slo.flush_interval=1ms"), want: `processors::slo: flush_interval: is 1ms; set it from 100ms to 1h`},
	{name: "an unknown feature gate", args: with("--feature-gates", "confmap.enableMergeApendOption"), want: `there is no feature gate "confmap.enableMergeApendOption"; did you mean confmap.enableMergeAppendOption\?`},
	{name: "an unknown format", args: []string{"print-config", "--config", "builtin:agent", "--format", "toml"}, want: `--format toml: there are yaml and json`},
	{name: "an unknown mode", args: []string{"print-config", "--config", "builtin:agent", "--mode", "raw"}, want: `--mode raw: there are loadable, redacted and unredacted`},

	// Configs.
	{name: "no such file", args: with("--config", "{dir}/nope.yaml"), want: `--config {dir}/nope.yaml: no such file or directory`},
	{name: "no YAML", args: with("--config", "{dir}/a.yaml"), files: map[string]string{"a.yaml": "receivers: [\n"}, want: `--config {dir}/a.yaml is no config: line 1: did not find expected node content`},
	{name: "a tab", args: with("--config", "{dir}/a.yaml"), files: map[string]string{"a.yaml": "receivers:\n\totlp:\n"}, want: `--config {dir}/a.yaml is no config: line 2 is indented by a tab; YAML takes spaces only`},
	{name: "text", args: with("--config", "{dir}/a.yaml"), files: map[string]string{"a.yaml": "hello\n"}, want: "--config {dir}/a.yaml is no config: it has to begin with keys, such as `receivers:` and `service:`"},
	{name: "an empty file", args: []string{"--config", "{dir}/a.yaml"}, files: map[string]string{"a.yaml": ""}, want: `the config is empty; begin with --config builtin:standalone`},
	{name: "a slip in a section", args: with("--config", "yaml:processor: {slo: {}}"), want: `there is no key processor; did you mean processors\?`},
	{name: "a slip in a key of service", args: with("--config", "yaml:service::pipeline: {}"), want: `service: there is no key pipeline; did you mean pipelines\?`},
	{name: "a slip in a component", args: with("--config", "yaml:receivers::otpl: {}"), want: `receivers::otpl: there is no receiver "otpl"; did you mean otlp\?`},
	{name: "an unknown component", args: with("--config", "yaml:exporters::influxdb: {}"), want: "exporters::influxdb: there is no exporter \"influxdb\"; `otelcol-sre components` lists those that exist"},
	{name: "a slip in a key", args: with("--config", "yaml:processors::slo::flush_intervall: 1s"), want: `processors::slo: there is no key flush_intervall; did you mean flush_interval\?`},
	{name: "a slip in a key of a key", args: with("--config", "yaml:receivers::otlp::protocols::grpc::endpont: x"), want: `receivers::otlp::protocols::grpc: there is no key endpont; did you mean endpoint\?`},
	{name: "two slips", args: with("--config", "yaml:processors::slo::flush_intervall: 1s", "--config", "yaml:connectors::sli::storag: x"),
		want: `processors::slo: there is no key flush_intervall; did you mean flush_interval\?\nconnectors::sli: there is no key storag; did you mean storage\?`},
	{name: "a slip in a pipeline", args: with("--config", "yaml:service::pipelines::trace: {receivers: [otlp], exporters: [nop]}"), want: `service::pipelines::trace: there is no signal "trace"; did you mean traces\?`},
	{name: "a slip in a key of a pipeline", args: with("--config", "yaml:service::pipelines::traces::procesors: [slo]"), want: `service::pipelines::traces: there is no key procesors; did you mean processors\?`},
	{name: "a component that is not configured", args: with("--config", "yaml:service::pipelines::traces::exporters: [otlp_grpc/mine]"), want: `service::pipelines::traces: references exporter "otlp_grpc/mine" which is not configured`},
	{name: "a list that is a number", args: with("--config", "yaml:exporters::prometheus_store::rule_files: 5"), want: `exporters::prometheus_store::rule_files: is no list; write it as \[a, b\]`},

	// The environment.
	{name: "a fragment without its variable", args: with("--config", "builtin:tempo"), want: `built-in config tempo.yaml: set OTELCOL_SRE_TEMPO; this is "Grafana Tempo: sampled traces by OTLP. .*"`},
	{name: "a fragment with a slip in its variable", args: with("--config", "builtin:tempo"), env: []string{"OTELCOL_SRE_TEMPOO=tempo:4317"}, want: `built-in config tempo.yaml: set OTELCOL_SRE_TEMPO \(OTELCOL_SRE_TEMPOO is set: is that a slip\?\); this is "Grafana Tempo: .*"`},
	{name: "Grafana without a token", args: standalone, env: []string{"OTELCOL_SRE_GRAFANA=https://grafana.example.com"}, want: `built-in config grafana.yaml: set OTELCOL_SRE_GRAFANA_TOKEN; this is "Merged into .* annotation there\. .*"`},
	{name: "neither true nor false", args: standalone, env: []string{"OTELCOL_SRE_STORE=no"}, want: `OTELCOL_SRE_STORE is "no"; set it to true or false`},
	{name: "an origin without a scheme", args: standalone, env: []string{"OTELCOL_SRE_CORS_ORIGINS=https://a.example.com, shop.example.com"}, want: `OTELCOL_SRE_CORS_ORIGINS has "shop.example.com", which no browser sends; write the scheme, too: https://shop.example.com`},
	{name: "a duration without a unit", args: standalone, env: []string{"OTELCOL_SRE_FLUSH_INTERVAL=5"}, want: `processors::slo: flush_interval: is 5ns; set it from 100ms to 1h \(the value is that of OTELCOL_SRE_FLUSH_INTERVAL\)`},
	{name: "no duration", args: standalone, env: []string{"OTELCOL_SRE_CORRELATION_WAIT=soon"}, want: `processors::correlation::wait: is no duration; write a number with its unit, such as 5s or 1m \(the value is that of OTELCOL_SRE_CORRELATION_WAIT\)`},
	{name: "a percentage of 200", args: standalone, env: []string{"OTELCOL_SRE_SAMPLING_PERCENTAGE=200"}, want: `processors::trace_sampler: percentage: is 200; set it to 0 to 100 \(the value is that of OTELCOL_SRE_SAMPLING_PERCENTAGE\)`},
	{name: "an unknown word", args: standalone, env: []string{"OTELCOL_SRE_DEPLOYMENT_REPORTS=yes"}, want: `processors::admission: deployment_reports: is "yes"; set it to drop, authenticated, local or accept \(the value is that of OTELCOL_SRE_DEPLOYMENT_REPORTS\)`},
	{name: "a port that is a word", args: standalone, env: []string{"OTELCOL_SRE_TELEMETRY_PORT=metrics"}, want: `"metrics" is no port; write a number, as in localhost:4317, in OTELCOL_SRE_TELEMETRY_PORT`},
	{name: "only a port", args: standalone, env: []string{"OTELCOL_SRE_OTLP_GRPC=4317"}, want: `"4317" is no address to listen on \(missing port in address\); write host:port, such as localhost:4317, in OTELCOL_SRE_OTLP_GRPC`},
	{name: "a word for a port", args: standalone, env: []string{"OTELCOL_SRE_STATUS_PAGE=localhost:page"}, want: `"page" is no port; write a number, as in localhost:4317, in OTELCOL_SRE_STATUS_PAGE`},
	{name: "an address of another machine", args: standalone, env: []string{"OTELCOL_SRE_OTLP_HTTP=192.0.2.1:4318"}, want: `this machine has no address 192\.0\.2\.1:4318; set OTELCOL_SRE_OTLP_HTTP to one that it has, such as localhost or 0\.0\.0\.0`},
	{name: "an Alertmanager without a scheme", args: standalone, env: []string{"OTELCOL_SRE_ALERTMANAGER=alertmanager"}, want: `exporters::prometheus_store: alertmanagers\[0\]\.endpoint: is not a base URL; set one such as http://localhost:9093, and put credentials into auth \(the value is that of OTELCOL_SRE_ALERTMANAGER\)`},

	// Ports that are taken.
	{name: "OTLP/gRPC", args: standalone, taken: "OTELCOL_SRE_OTLP_GRPC", want: `{taken} is in use by another process; stop that, or set OTELCOL_SRE_OTLP_GRPC`},
	{name: "OTLP/HTTP", args: standalone, taken: "OTELCOL_SRE_OTLP_HTTP", want: `{taken} is in use by another process; stop that, or set OTELCOL_SRE_OTLP_HTTP`},
	{name: "scraping", args: standalone, taken: "OTELCOL_SRE_PROMETHEUS", want: `{taken} is in use by another process; stop that, or set OTELCOL_SRE_PROMETHEUS`},
	{name: "the Prometheus inside", args: standalone, taken: "OTELCOL_SRE_PROMETHEUS_API", want: `{taken} is in use by another process; stop that, or set OTELCOL_SRE_PROMETHEUS_API`},
	{name: "the status page", args: standalone, taken: "OTELCOL_SRE_STATUS_PAGE", want: `{taken} is in use by another process; stop that, or set OTELCOL_SRE_STATUS_PAGE`},
	{name: "health", args: standalone, taken: "OTELCOL_SRE_HEALTH", want: `{taken} is in use by another process; stop that, or set OTELCOL_SRE_HEALTH`},
	{name: "own metrics", args: standalone, taken: "OTELCOL_SRE_TELEMETRY_PORT", want: `{taken} is in use by another process; stop that, or set OTELCOL_SRE_TELEMETRY_PORT`},

	// Files, folders and rights.
	{name: "a state folder that is a file", args: standalone, env: []string{"OTELCOL_SRE_STORAGE={dir}/a"}, files: map[string]string{"a": ""}, want: `extensions::file_storage: {dir}/a is not a directory \(the value is that of OTELCOL_SRE_STORAGE\)`},
	{name: "a state folder that cannot be made", args: standalone, env: []string{"OTELCOL_SRE_STORAGE=/proc/state"}, want: `cannot make the folder /proc/state: no such file or directory; set OTELCOL_SRE_STORAGE to another`},
	{name: "a state folder of another user", args: standalone, asUser: true, env: []string{"OTELCOL_SRE_STORAGE=/root/state"}, want: `this user \(65534\) may not look at /root/state; give it the right, or set OTELCOL_SRE_STORAGE to another`},
	{name: "a config of another user", args: with("--config", "{dir}/a.yaml"), asUser: true, files: map[string]string{"a.yaml": "receivers: {}\n"}, want: `--config {dir}/a.yaml: permission denied`},
}

func TestMistakesAreOneSentence(t *testing.T) {
	t.Parallel()
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			if m.asUser && os.Getuid() != 0 {
				t.Skip("needs root, to run as another user")
			}
			dir := t.TempDir()
			for name, text := range m.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			}
			here := strings.NewReplacer("{dir}", dir)
			c := prepareCollector(t, "standalone", dir)
			for _, variable := range m.env {
				c.env = append(c.env, here.Replace(variable))
			}
			taken := ""
			if m.taken != "" {
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				defer listener.Close()
				taken = listener.Addr().String()
				value := taken
				if strings.HasSuffix(m.taken, "_PORT") {
					_, value, _ = net.SplitHostPort(taken)
				}
				c.env = append(c.env, m.taken+"="+value)
			}
			args := make([]string, len(m.args))
			for i, arg := range m.args {
				args[i] = here.Replace(arg)
			}
			code, shown := shownBy(t, c.env, m.asUser, binary, args...)
			assert.Equal(t, 1, code)
			want := strings.NewReplacer("{dir}", regexp.QuoteMeta(dir), "{taken}", regexp.QuoteMeta(taken)).Replace(m.want)
			assert.Regexp(t, "^Error: "+want+"\n$", shown)
		})
	}
}

// shownBy runs a program to its end and returns what a terminal shows.
func shownBy(t *testing.T, env []string, asUser bool, program string, args ...string) (code int, shown string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	path, err := filepath.Abs(program)
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, path, args...)
	if asUser {
		if !runAsUser(cmd) {
			t.Skip("this system has no such users")
		}
		cmd.Dir = "/"
	}
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &out
	_ = cmd.Run()
	require.NoError(t, ctx.Err(), "it runs: %s", out.String())
	return cmd.ProcessState.ExitCode(), out.String()
}

func TestTwoCollectorsOnOneStateFolder(t *testing.T) {
	t.Parallel()
	storage := "OTELCOL_SRE_STORAGE=" + t.TempDir()
	newCollector(t, "standalone", t.TempDir(), storage)
	other := prepareCollector(t, "standalone", t.TempDir(), storage)
	code, shown := shownBy(t, other.env, false, binary, other.args...)
	assert.Equal(t, 1, code)
	assert.Regexp(t, `^Error: the state folder .* is in use by another collector; stop that, or give this one a folder of its own: set OTELCOL_SRE_STORAGE .*\n$`, shown)
}

// What is wrong and does not keep the collector from running is a line of its log, without a stack trace.
func TestSilenceIsAWarning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newCollector(t, "standalone", dir+"/catalog",
		"OTELCOL_SRE_RULES="+dir+"/rules", "OTELCOL_SRE_RUNBOOKS="+dir+"/runbooks",
		"OTELCOL_SRE_STATUSPAGE=localhost:1", "OTELCOL_SRE_WHATEVER=1", "OTELCOL_SRE_TEMPO=tempo:4317", "OTELCOL_SRE_QUEU=",
		"OTELCOL_SRE_GATEWAY_SERVICE_HOST=10.0.0.1", "OTELCOL_SRE_GATEWAY_PORT=tcp://10.0.0.1:4317", "OTELCOL_SRE_GATEWAY_PORT_4317_TCP_ADDR=10.0.0.1")
	text, err := os.ReadFile(c.log)
	require.NoError(t, err)
	log := string(text)
	for _, want := range []string{
		"OTELCOL_SRE_STATUSPAGE is set, but nothing reads it; did you mean OTELCOL_SRE_STATUS_PAGE?",
		"OTELCOL_SRE_WHATEVER is set, but nothing reads it; unset it, or correct its name",
		"OTELCOL_SRE_TEMPO is set, but nothing reads it; add --config builtin:tempo",
		dir + "/catalog: error: no such file or folder; create it, or correct the path",
		"No rule file is there; all rules are made from the catalog",
	} {
		assert.Equal(t, 1, strings.Count(log, want), want)
	}
	assert.Equal(t, 3, strings.Count(log, "is set, but nothing reads it"))
	assert.NotRegexp(t, `(?m)^\s+\S+\.go:\d+`, log, "stack traces")

	require.Eventually(t, func() bool {
		status, _, rules := talk(t, http.MethodGet, "http://"+c.page+"/rules/otelcol-sre.yaml", "")
		_, _, loaded := talk(t, http.MethodGet, "http://"+c.api+"/api/v1/rules", "")
		return status == http.StatusOK && strings.Contains(rules, "alert: CollectorDown") && strings.Contains(loaded, "CollectorDown")
	}, patience, 500*time.Millisecond, "the collector's own rules need no file")

	_, shown := shownBy(t, c.env, false, binary, "validate", "--config", "builtin:standalone")
	assert.Equal(t, 3, strings.Count(shown, "\n"), shown)
	assert.Contains(t, shown, "Warning: OTELCOL_SRE_TEMPO is set, but nothing reads it; add --config builtin:tempo\n")

	empty := t.TempDir()
	c = newCollector(t, "standalone", empty)
	text, err = os.ReadFile(c.log)
	require.NoError(t, err)
	assert.Contains(t, string(text), empty+": warning: holds no catalog file; add a *.yaml file per service")
}

func TestMistakesOfSenders(t *testing.T) {
	t.Parallel()
	c := newCollector(t, "standalone", t.TempDir())
	for name, m := range map[string]struct {
		method, url, mediaType, body string
		code                         int
		want                         string
	}{
		"HTTP to the port of gRPC":   {"POST", c.otlpGRPC + "/v1/traces", "application/json", "{}", 200, "partialSuccess"},
		"GET":                        {"GET", c.otlpHTTP + "/v1/traces", "", "", 405, "supported: [POST]"},
		"no media type":              {"POST", c.otlpHTTP + "/v1/traces", "text/plain", "{}", 415, "supported: [application/json, application/x-protobuf]"},
		"half of a JSON":             {"POST", c.otlpHTTP + "/v1/traces", "application/json", "{", 400, "message"},
		"telemetry to a status page": {"POST", c.page + "/v1/traces", "application/json", "{}", 405, "The pages are read-only."},
	} {
		request, err := http.NewRequestWithContext(t.Context(), m.method, "http://"+m.url, strings.NewReader(m.body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", m.mediaType)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err, name)
		var body bytes.Buffer
		_, err = body.ReadFrom(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, m.code, response.StatusCode, name)
		assert.Contains(t, body.String(), m.want, name)
	}
	text, err := os.ReadFile(c.log)
	require.NoError(t, err)
	assert.Contains(t, string(text), "OTLP over HTTP came to the port for gRPC: send OTLP over HTTP to "+c.otlpHTTP)
}

func TestMistakesOfSrectl(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, m := range map[string]struct {
		args string
		want string
	}{
		"a slip in a command":    {"validat", `unknown command "validat" for "srectl"`},
		"a slip in a flag":       {"status --endpont x", `there is no flag --endpont; did you mean --endpoint\?`},
		"an unknown flag":        {"lint --verbose", "there is no flag --verbose; `srectl lint --help` lists those that exist"},
		"an unknown short flag":  {"-x", "there is no flag -x; `srectl --help` lists those that exist"},
		"no path":                {"validate", `no PATH: give catalog files or folders, as in`},
		"no such folder":         {"validate {dir}/nope", `"{dir}/nope": no such file or folder; create it, or correct the path`},
		"no ID":                  {"find", `no ID: give an ID of the request, as in`},
		"no such telemetry file": {"find A-1001 {dir}/nope.json", `"{dir}/nope.json": no such file; .*`},
		"no service":             {"mark", `--service is missing: name the deployed service`},
		"nothing listens":        {"status --endpoint 127.0.0.1:1", `http://127.0.0.1:1/metrics does not answer: .*connection refused; start the collector \(make run\), or set its Prometheus endpoint with --endpoint`},
		"no collector to probe":  {"probe 127.0.0.1:1", `http://127.0.0.1:1/? does not answer: .*; check that the collector runs and has the health_check extension`},
		"no catalog to generate": {"generate --catalog {dir}/nope --out {dir}/out", `"{dir}/nope": no such file or folder; create it, or correct the path`},
		"one catalog to compare": {"diff a", `name two catalogs, OLD and NEW, or one with --git REVISION`},
	} {
		code, shown := shownBy(t, os.Environ(), false, "../bin/srectl", strings.Fields(strings.ReplaceAll(m.args, "{dir}", dir))...)
		assert.Equal(t, 2, code, name)
		assert.Regexp(t, "^srectl: "+strings.ReplaceAll(m.want, "{dir}", regexp.QuoteMeta(dir)), shown, name)
		assert.NotContains(t, shown, "goroutine", name)
	}
}
