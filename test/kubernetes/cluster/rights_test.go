// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

// A subject is a collector that asks the API server or a kubelet, and what shows that it got answers.
type subject struct {
	overlay, role string
	fragments     []string
	env           []string
	// config is merged over: everything goes to the file too.
	config string
	// resources are those of the role's rules that these fragments need; others are another subject's.
	resources func(resource string) bool
	// ask has the collector ask, again and again; nil if it does by itself.
	ask func(c *process)
	// answers are found in the file when all is well.
	answers []string
}

const everything = `{exporters: {file: {path: "%s", flush_interval: 100ms}},
service: {pipelines: {traces: {exporters: [file]}, metrics: {exporters: [file]}, logs: {exporters: [file]}}}}`

var subjects = map[string]subject{
	"agent of a cluster": {
		overlay: "prod", role: "agent", fragments: []string{"kubernetes"},
		resources: func(resource string) bool { return resource == "pods" },
		ask:       sendSpan, answers: []string{"k8s.pod.name", `"k8s.deployment.name","value":{"stringValue":"checkout"}`},
	},
	"agent of a namespace": {
		overlay: "namespace-only", role: "agent", fragments: []string{"kubernetes"}, env: []string{"OTELCOL_SRE_NAMESPACE=" + kubernetes.Namespace},
		resources: func(string) bool { return true },
		ask:       sendSpan, answers: []string{"k8s.pod.name", `"k8s.deployment.name","value":{"stringValue":"checkout"}`},
	},
	"agent that asks a kubelet": {
		overlay: "prod", role: "agent", fragments: []string{"kubelet"}, env: []string{"OTELCOL_SRE_KUBELET=" + kubeletHost, "OTELCOL_SRE_KUBELET_INSECURE=true"},
		config:    "receivers: {kubelet_stats: {collection_interval: 500ms}}",
		resources: func(resource string) bool { return resource == "nodes/stats" },
		answers:   []string{"k8s.pod.cpu.time"},
	},
	"agent that asks a kubelet for limits": {
		overlay: "../../../test/kubernetes/testdata/kubelet-limits", role: "agent", fragments: []string{"kubelet", "kubelet-limits"}, env: []string{"OTELCOL_SRE_KUBELET=" + kubeletHost, "OTELCOL_SRE_KUBELET_INSECURE=true"},
		config:    "receivers: {kubelet_stats: {collection_interval: 500ms}}",
		resources: func(resource string) bool { return strings.HasPrefix(resource, "nodes/") },
		answers:   []string{"k8s.pod.cpu_limit_utilization", "k8s.pod.memory_limit_utilization"},
	},
	"gateway that watches the cluster": {
		overlay: "prod", role: "gateway", fragments: []string{"cluster"}, env: []string{"OTELCOL_SRE_POD_NAMESPACE=" + kubernetes.Namespace},
		config:    "receivers: {k8s_cluster: {collection_interval: 500ms}}",
		resources: func(string) bool { return true },
		ask:       makeEvent,
		answers:   []string{"k8s.deployment.available", "k8s.namespace.phase", "Paid twice"},
	},
}

// TestRights: with the rights that are rendered, the collector gets what it asks for and is never refused; with any one
// of them less, it is.
func TestRights(t *testing.T) {
	namespace(t, "restricted")
	run(t, []byte(workload), "apply", "-n", kubernetes.Namespace, "-f", "-")
	run(t, nil, "rollout", "status", "deployment/checkout", "-n", kubernetes.Namespace, "--timeout=60s")
	serveKubelet(t)
	for name, s := range subjects {
		t.Run(name, func(t *testing.T) {
			rendered, err := kubernetes.Kustomize.Run("build", "deploy/kustomize/overlays/"+s.overlay)
			require.NoError(t, err)
			objects, err := kubernetes.Objects(rendered)
			require.NoError(t, err)
			var roles []kubernetes.Object
			for _, o := range objects {
				kind, _ := o.At("kind").(string)
				if o.At("metadata", "labels", "app.kubernetes.io/component") != s.role || kind != "ServiceAccount" && !strings.Contains(kind, "Role") {
					continue
				}
				apply(t, o)
				t.Cleanup(func() { run(t, o.JSON(), "delete", "--ignore-not-found", "-f", "-") })
				if strings.HasSuffix(kind, "Role") {
					roles = append(roles, o)
				}
			}
			require.NotEmpty(t, roles)

			t.Run("sufficient", func(t *testing.T) {
				c := startCollector(t, s)
				require.NoError(t, Within(30*time.Second, func() error { return c.answered(s) }), "%s", c.log())
				assert.NotContains(t, strings.ToLower(c.log()), "forbidden")
			})
			for _, role := range roles {
				for missing, rules := range withoutOne(role, s.resources) {
					t.Run("without "+missing.String(), func(t *testing.T) {
						less := maps.Clone(role)
						less["rules"] = rules
						apply(t, less)
						defer apply(t, role)
						c := startCollector(t, s)
						refused := func() error { return c.refused(missing) }
						assert.NoError(t, Within(30*time.Second, refused), "the right is not needed\n%s", c.log())
					})
				}
			}
		})
	}
}

func apply(t *testing.T, o kubernetes.Object) {
	run(t, o.JSON(), "apply", "--server-side", "--force-conflicts", "-f", "-")
}

// A right is a verb on a resource.
type right struct{ verb, resource string }

func (r right) String() string { return r.verb + " " + r.resource }

// withoutOne are the rules of a role with one right less.
func withoutOne(role kubernetes.Object, resources func(string) bool) map[right][]any {
	all, less := role.At("rules").([]any), map[right][]any{}
	for i, rule := range all {
		rule := rule.(map[string]any)
		for _, resource := range rule["resources"].([]any) {
			for _, verb := range rule["verbs"].([]any) {
				if !resources(resource.(string)) {
					continue
				}
				others, one := maps.Clone(rule), maps.Clone(rule)
				others["resources"] = without(rule["resources"], resource)
				one["resources"], one["verbs"] = []any{resource}, without(rule["verbs"], verb)
				rules := slices.Concat(all[:i], all[i+1:])
				for _, part := range []map[string]any{others, one} {
					if len(part["resources"].([]any)) > 0 && len(part["verbs"].([]any)) > 0 {
						rules = append(rules, part)
					}
				}
				less[right{verb.(string), resource.(string)}] = rules
			}
		}
	}
	return less
}

func without(list, item any) []any {
	return slices.DeleteFunc(slices.Clone(list.([]any)), func(other any) bool { return other == item })
}

// A process is a collector that takes itself for one in a pod.
type process struct {
	logFile, outFile, otlp string
}

const binary = "bin/otelcol-sre"

// startCollector runs the built binary with the token of the role's ServiceAccount where a pod has it: under /var/run, which only
// this process sees so.
func startCollector(t *testing.T, s subject) *process {
	folder := t.TempDir()
	c := &process{logFile: filepath.Join(folder, "log"), outFile: filepath.Join(folder, "out"), otlp: freeAddress()}
	mount := filepath.Join(folder, "run", "secrets", "kubernetes.io", "serviceaccount")
	require.NoError(t, os.MkdirAll(mount, 0o700))
	ca, err := os.ReadFile(shared.CA)
	require.NoError(t, err)
	for file, text := range map[string]string{
		"token":     run(t, nil, "create", "token", "otelcol-sre-"+s.role, "-n", kubernetes.Namespace),
		"ca.crt":    string(ca),
		"namespace": kubernetes.Namespace,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(mount, file), []byte(text), 0o600))
	}
	// The lease of the one before is not waited for.
	run(t, nil, "delete", "lease", "otelcol-sre-gateway", "-n", kubernetes.Namespace, "--ignore-not-found")

	args := []string{"--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "sh", "-c", `mount --bind "$0" /run && exec "$@"`, filepath.Join(folder, "run"), kubernetes.Root(binary), "--config=builtin:"+s.role)
	for _, fragment := range s.fragments {
		args = append(args, "--config=builtin:"+fragment)
	}
	args = append(args, "--config=yaml:"+fmt.Sprintf(everything, c.outFile))
	if s.config != "" {
		args = append(args, "--config=yaml:"+s.config)
	}
	cmd := exec.Command("unshare", args...)
	host, port, err := net.SplitHostPort(shared.Address)
	require.NoError(t, err)
	_, telemetry, err := net.SplitHostPort(freeAddress())
	require.NoError(t, err)
	catalog := filepath.Join(folder, "catalog")
	require.NoError(t, os.Mkdir(catalog, 0o700))
	cmd.Env = append(append(os.Environ(), "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port,
		// What older API servers are asked: list, then watch. Newer ones answer both in one watch, and list would seem not to be needed.
		"KUBE_FEATURE_WatchListClient=false",
		"OTELCOL_SRE_CATALOG="+catalog, "OTELCOL_SRE_STORAGE="+filepath.Join(folder, "state"), "OTELCOL_SRE_GATEWAY="+freeAddress(),
		"OTELCOL_SRE_OTLP_GRPC="+freeAddress(), "OTELCOL_SRE_OTLP_HTTP="+c.otlp, "OTELCOL_SRE_HEALTH="+freeAddress(),
		"OTELCOL_SRE_PROMETHEUS="+freeAddress(), "OTELCOL_SRE_TELEMETRY_PORT="+telemetry), s.env...)
	log, err := os.Create(c.logFile)
	require.NoError(t, err)
	defer func() { _ = log.Close() }() // the process has its own
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.ask == nil {
			return
		}
		again := time.NewTicker(300 * time.Millisecond)
		defer again.Stop()
		for {
			s.ask(c)
			select {
			case <-again.C:
			case <-t.Context().Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		<-done
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	})
	return c
}

func (c *process) log() string {
	text, _ := os.ReadFile(c.logFile) // none yet
	return string(text)
}

// answered says which answers have not come.
func (c *process) answered(s subject) error {
	out, err := os.ReadFile(c.outFile)
	for _, answer := range s.answers {
		if !strings.Contains(string(out), answer) {
			err = errors.Join(err, fmt.Errorf("no %s", answer))
		}
	}
	return err
}

// refused says if the log does not tell, as the API server or a kubelet puts it, that this right is missing.
func (c *process) refused(r right) error {
	_, subresource, _ := strings.Cut(r.resource, "/")
	log := strings.ReplaceAll(c.log(), `\`, "")
	for _, refusal := range []string{
		fmt.Sprintf(`cannot %s resource "%s"`, r.verb, r.resource),
		fmt.Sprintf("(verb=%s, resource=nodes, subresource(s)=[%s])", r.verb, subresource),
	} {
		if strings.Contains(log, refusal) {
			return nil
		}
	}
	return fmt.Errorf("%s was not refused", r)
}

// sendSpan sends a span of the pod of checkout. The collector may not listen yet.
func sendSpan(c *process) {
	uid, err := shared.Kubectl(nil, "get", "pods", "-n", kubernetes.Namespace, "-l", "app=checkout", "-o", "jsonpath={.items[0].metadata.uid}")
	if err != nil {
		return
	}
	body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"k8s.pod.uid","value":{"stringValue":%q}}]},
"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"pay"}]}]}]}`, uid)
	resp, err := http.Post("http://"+c.otlp+"/v1/traces", "application/json", strings.NewReader(body))
	if err == nil {
		_ = resp.Body.Close()
	}
}

// makeEvent makes one that is new to whoever watches.
func makeEvent(*process) {
	_, _ = shared.Kubectl([]byte(event), "create", "-n", kubernetes.Namespace, "-f", "-") // the next one will do as well
}

const event = `{apiVersion: events.k8s.io/v1, kind: Event, metadata: {generateName: checkout-}, eventTime: "2026-01-01T00:00:00.000000Z",
reportingController: example.com/test, reportingInstance: test, action: Pay, reason: Paid, note: Paid twice, type: Warning,
regarding: {apiVersion: apps/v1, kind: Deployment, name: checkout, namespace: otelcol-sre}}`

const workload = `apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
      containers: [{name: checkout, image: example.com/checkout, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
`

// kubeletHost is an address of this machine on which nothing else listens at the kubelet's port.
const kubeletHost = "127.0.0.77"

// serveKubelet answers what a kubelet does, to those whom the API server lets: kubelets ask it whether the caller may `get` the
// node's subresource that the path begins with.
func serveKubelet(t *testing.T) {
	listener, err := net.Listen("tcp", kubeletHost+":10250")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subresource, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		out, err := shared.Kubectl(nil, "--token="+token, "--kubeconfig="+shared.anonymous(), "auth", "can-i", "get", "nodes", "--subresource="+subresource)
		if err != nil || strings.TrimSpace(string(out)) != "yes" {
			http.Error(w, fmt.Sprintf("Forbidden (verb=get, resource=nodes, subresource(s)=[%s])", subresource), http.StatusForbidden)
			return
		}
		now := time.Now().UTC().Format(time.RFC3339)
		answer := map[string]any{"node": map[string]any{"nodeName": "node-0", "startTime": now}, "pods": []any{map[string]any{
			"podRef": map[string]any{"name": "checkout", "namespace": kubernetes.Namespace, "uid": "1"}, "startTime": now,
			"cpu":    map[string]any{"time": now, "usageNanoCores": 1, "usageCoreNanoSeconds": 1},
			"memory": map[string]any{"time": now, "usageBytes": 1, "workingSetBytes": 1},
		}}}
		if subresource == "pods" {
			limits := map[string]any{"limits": map[string]any{"cpu": "1", "memory": "1Gi"}}
			answer = map[string]any{"kind": "PodList", "apiVersion": "v1", "items": []any{map[string]any{
				"metadata": map[string]any{"name": "checkout", "namespace": kubernetes.Namespace, "uid": "1"},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "checkout", "resources": limits}}},
			}}}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.StartTLS()
	t.Cleanup(server.Close)
}
