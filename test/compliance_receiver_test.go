// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// receiverTester are Prometheus' tests of receivers of remote write.
var receiverTester = gotool.Module{
	Path: "github.com/prometheus/compliance/remotewrite/receiver", Version: "v0.0.0-20260806071727-67b8327a2e93",
	Sum: "h1:VPMEZpXBAlaQrdz+ER6AQ9ArmxkYSy/SxkUixEwtH3Q=", GoModSum: "h1:HgLx52RlZBDzqdG1TROyWhTtPsOD2srI3RP1ZzFtbAA=",
	Declared: "github.com/prometheus/complicance/remotewrite2",
}

// failsUpstream are tests of receiverTester that Prometheus' own handler fails, in the version that go.mod pins. Their requests have a
// wrong Content-Type and a body that is not snappy: it reads the body first, and answers with 400 in place of 415.
var failsUpstream = []string{"TestBadContentTypes/application_json", "TestBadContentTypes/image_png"}

// The store as a receiver of remote write passes Prometheus' own tests of receivers, but those that Prometheus fails itself.
func TestComplianceRemoteWriteReceiver(t *testing.T) {
	tester, err := gotool.BuildTestsOf(receiverTester, "remotewrite-receiver")
	require.NoError(t, err)
	c := prepareCollector(t, "standalone", "../examples/catalog")
	c.args = append(c.args, "--config", "yaml:exporters::prometheus_store::remote_write_receiver: true")
	c.start()
	config := filepath.Join(t.TempDir(), "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("remote_write: [{name: store, url: \"http://"+c.api+"/api/v1/write\"}]\n"), 0o600))

	run := exec.Command(tester, "-test.v", "-test.count=1")
	run.Dir, run.Env = t.TempDir(), append(os.Environ(), "PROMETHEUS_RW2_COMPLIANCE_CONFIG_FILE="+config)
	out, failed := run.CombinedOutput()
	outcome := func(word string) (names []string) {
		for _, found := range regexp.MustCompile(`(?m)^\s*--- `+word+`: (\S+)/store `).FindAllSubmatch(out, -1) {
			names = append(names, string(found[1]))
		}
		slices.Sort(names)
		return names
	}
	passes, fails := outcome("PASS"), outcome("FAIL")
	t.Logf("%d pass, %d fail: %v", len(passes), len(fails), failed)
	assert.Greater(t, len(passes), 200)
	if !assert.Equal(t, failsUpstream, fails) {
		t.Logf("%s", out)
	}
}
