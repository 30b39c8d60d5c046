// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The template of webhooks, as README has it: a deployment that GitHub signs is a marker, a flag that LaunchDarkly signs is a change, what nobody signed is nothing.
func TestWebhooksAreMarkers(t *testing.T) {
	t.Parallel()
	const secret = "hunter2 hunter2"
	address := freeAddress(t)
	c := prepareCollector(t, "standalone", t.TempDir(), "OTELCOL_SRE_WEBHOOKS="+address,
		"GITHUB_WEBHOOK_SECRET="+secret, "GITLAB_WEBHOOK_SECRET="+secret, "LAUNCHDARKLY_WEBHOOK_SECRET="+secret, "OTHERS_WEBHOOK_SECRET="+secret)
	c.args = append(c.args, "--config", "../deploy/markers/webhooks.yaml")
	c.start()

	body := func(file string) string {
		text, err := os.ReadFile("../internal/deployment/report/testdata/" + file)
		require.NoError(t, err)
		return string(text)
	}
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		return hex.EncodeToString(mac.Sum(nil))
	}
	now := time.Now().UTC().Format(time.RFC3339)
	deployed := strings.NewReplacer("2026-11-20T14:02:00Z", now).Replace(body("github-deployment-status.json"))
	status, _, text := talk(t, http.MethodPost, "http://"+address+"/github", deployed, "X-Hub-Signature-256", "sha256="+sign("another body"))
	assert.Equal(t, http.StatusUnauthorized, status, text)
	assert.NotContains(t, text, secret)
	_, found := sum(c.scrape(), "deployment_info")
	assert.False(t, found)
	for path, hook := range map[string][]string{
		"/github":       {deployed, "X-Hub-Signature-256", "sha256=" + sign(deployed)},
		"/gitlab":       {body("gitlab-deployment.json"), "X-Gitlab-Token", secret},
		"/launchdarkly": {body("changes/launchdarkly.json"), "X-LD-Signature", sign(body("changes/launchdarkly.json"))},
		"/others":       {body("cdevents-deployed.json"), "Authorization", "Bearer " + secret},
	} {
		status, _, text := talk(t, http.MethodPost, "http://"+address+path, hook[0], append(hook[1:], "Content-Type", "application/json")...)
		assert.Equal(t, http.StatusAccepted, status, "%s: %s", path, text)
	}
	accepted := func() float64 {
		n, _ := sum(c.own(), "otelcol_connector_deployevent_reports", "result", "accepted")
		return n
	}
	require.Eventually(t, func() bool { return accepted() == 4 }, patience, 200*time.Millisecond, "each is a report: %v", accepted())
}
