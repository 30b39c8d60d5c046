// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
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

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

// firing is what Alertmanager sends when the version is worse than the one before.
const firing = `{"version": "4", "status": "firing", "receiver": "rollback", "alerts": [{"status": "firing", "labels": {"alertname": "DeploymentRegression", "severity": "page",
"service_name": "checkout", "service_namespace": "shop", "deployment_environment_name": "production", "service_version": "1.1.0"}}]}`

// A standalone is a collector with a page, in this machine.
type standalone struct{ otlp, page string }

func startStandalone(t *testing.T, catalog string) standalone {
	folder := t.TempDir()
	c := standalone{freeAddress(), freeAddress()}
	_, telemetry, err := net.SplitHostPort(freeAddress())
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(folder, "log"))
	require.NoError(t, err)
	defer func() { _ = log.Close() }() // the process has its own
	health := freeAddress()
	cmd := exec.Command(kubernetes.Root(binary), "--config=builtin:standalone")
	cmd.Env = append(os.Environ(), "OTELCOL_SRE_CATALOG="+catalog, "OTELCOL_SRE_STORAGE="+folder, "OTELCOL_SRE_RULES="+t.TempDir(), "OTELCOL_SRE_FLUSH_INTERVAL=1s",
		"OTELCOL_SRE_OTLP_GRPC="+freeAddress(), "OTELCOL_SRE_OTLP_HTTP="+c.otlp, "OTELCOL_SRE_PROMETHEUS="+freeAddress(), "OTELCOL_SRE_PROMETHEUS_API="+freeAddress(),
		"OTELCOL_SRE_STATUS_PAGE="+c.page, "OTELCOL_SRE_HEALTH="+health, "OTELCOL_SRE_TELEMETRY_HOST=127.0.0.1", "OTELCOL_SRE_TELEMETRY_PORT="+telemetry)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s", text)
		}
	})
	require.NoError(t, Within(time.Minute, func() error {
		response, err := http.Get("http://" + health)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	}))
	return c
}

// request sends a request of a version of checkout, as its pods do.
func (c standalone) request(version string) error {
	now := time.Now().UnixNano()
	body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}},{"key":"service.namespace","value":{"stringValue":"shop"}},
{"key":"deployment.environment.name","value":{"stringValue":"production"}},{"key":"service.version","value":{"stringValue":%q}},{"key":"service.instance.id","value":{"stringValue":"of-%s"}}]},
"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"0102030405060708","name":"pay","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`, version, version, now, now-1e6, now)
	response, err := http.Post("http://"+c.otlp+"/v1/traces", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// A shown is what the page of the service says.
type shown struct {
	Data struct {
		Versions []struct{ Version, Status, Previous string }
		Changes  []struct{ Kind, Name, Previous, Value, Status, Summary string }
	}
}

func (c standalone) shows(t *testing.T) (s shown, err error) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.page+"/services/checkout", http.NoBody)
	if err != nil {
		return s, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return s, err
	}
	defer response.Body.Close()
	return s, json.NewDecoder(response.Body).Decode(&s)
}

// runs waits until the page shows that the version is deployed, while it has requests.
func (c standalone) runs(t *testing.T, version string) {
	require.NoError(t, Within(time.Minute, func() error {
		if err := c.request(version); err != nil {
			return err
		}
		s, err := c.shows(t)
		if err == nil && (len(s.Data.Versions) == 0 || s.Data.Versions[0].Version != version) {
			err = fmt.Errorf("the page shows %+v", s.Data.Versions)
		}
		return err
	}))
}

// TestRollback: an alert about a bad version, in the form that Alertmanager sends, has the API server run the version before again. The page shows who did it and
// why, and the journal counts it.
func TestRollback(t *testing.T) {
	catalog := catalogFile(t)
	namespace(t, "restricted")
	c := startStandalone(t, catalog)
	deploy := func(version string) {
		text := strings.ReplaceAll(workload, "example.com/checkout", "example.com/checkout:"+version)
		run(t, []byte(text), "apply", "-n", kubernetes.Namespace, "-f", "-")
		run(t, nil, "rollout", "status", "deployment/checkout", "-n", kubernetes.Namespace, "--timeout=60s")
		c.runs(t, version)
	}
	template := func() string {
		return run(t, nil, "get", "deployment/checkout", "-n", kubernetes.Namespace, "-o", "jsonpath={.spec.template}")
	}
	deploy("1.0.0")
	good := template()
	require.Contains(t, good, "checkout:1.0.0")
	deploy("1.1.0")
	bad := template()
	require.Contains(t, bad, "checkout:1.1.0")

	path, err := kubectl.Path()
	require.NoError(t, err)
	journal := filepath.Join(t.TempDir(), "rollbacks.json")
	rollback := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), kubernetes.Root("bin/srectl"), append([]string{"rollback", "--webhook", "--catalog", catalog, "--url", "http://" + c.page, "--state", journal, "--endpoint", "http://" + c.otlp}, args...)...)
		cmd.Stdin = strings.NewReader(firing)
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"), "KUBECONFIG="+shared.kubeconfig)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	said, err := rollback()
	require.NoError(t, err, said)
	assert.Contains(t, said, "from shop/checkout 1.1.0 to 1.0.0, because the alert DeploymentRegression fires:\n  kubectl rollout undo deployment/checkout -n otelcol-sre\nIt was not run")
	assert.Equal(t, bad, template(), "a dry run")

	said, err = rollback("--yes")
	require.NoError(t, err, said)
	assert.Contains(t, said, "deployment.apps/checkout rolled back")
	assert.JSONEq(t, good, template())
	run(t, nil, "rollout", "status", "deployment/checkout", "-n", kubernetes.Namespace, "--timeout=60s")
	assert.Equal(t, "example.com/checkout:1.0.0", run(t, nil, "get", "pods", "-n", kubernetes.Namespace, "-l", "app=checkout", "--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].spec.containers[0].image}"))

	// The audit trail: at the collector, and in the journal.
	require.NoError(t, Within(30*time.Second, func() error {
		s, err := c.shows(t)
		if err != nil {
			return err
		}
		for _, one := range s.Data.Changes {
			if one.Name == "rollback of checkout" && one.Kind == "infrastructure" && one.Status == "completed" && one.Previous == "1.1.0" && one.Value == "1.0.0" &&
				one.Summary == "srectl rollback, because the alert DeploymentRegression fires" {
				return nil
			}
		}
		return fmt.Errorf("the page shows %+v", s.Data.Changes)
	}))
	text, err := os.ReadFile(journal)
	require.NoError(t, err)
	var made struct {
		Rollbacks []struct{ Service, From, To, Result string }
	}
	require.NoError(t, json.Unmarshal(text, &made))
	require.Len(t, made.Rollbacks, 1)
	assert.Equal(t, [4]string{"shop/checkout", "1.1.0", "1.0.0", "completed"}, [4]string{made.Rollbacks[0].Service, made.Rollbacks[0].From, made.Rollbacks[0].To, made.Rollbacks[0].Result})
}
