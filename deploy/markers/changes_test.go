// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package markers

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/report"
)

func sentence(t *testing.T, otlp string) string {
	t.Helper()
	request := plogotlp.NewExportRequest()
	require.NoError(t, request.UnmarshalJSON([]byte(otlp)))
	record := request.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	found, ok, err := report.Changes(pcommon.NewMap(), record, func([]byte) string { return "0" })
	require.NoError(t, err)
	require.True(t, ok)
	require.Len(t, found, 1)
	return found[0].Sentence() + " in " + found[0].Environment + " by " + found[0].Actor
}

// Unleash fills the template with its event.
func TestUnleashWebhook(t *testing.T) {
	text, err := os.ReadFile("unleash-webhook.json")
	require.NoError(t, err)
	event := map[string]string{
		"id": "2213", "type": "feature-environment-enabled", "featureName": "new-card-check", "environment": "production", "createdBy": "ada", "createdAt": "2026-11-26T10:02:00.000Z",
	}
	body := regexp.MustCompile(`{{event\.([a-zA-Z]+)}}`).ReplaceAllStringFunc(string(text), func(field string) string {
		value, ok := event[strings.Trim(field, "{}")[len("event."):]]
		require.True(t, ok, field)
		return value
	})
	require.Equal(t, "feature flag new-card-check: on in production by ada", sentence(t, body))
}

// What cannot be changed goes as it is, wrapped.
func TestWrapScript(t *testing.T) {
	script, err := os.ReadFile("wrap.sh")
	require.NoError(t, err)
	s := newShell(t)
	out, err := s.run("sh -c "+fmt.Sprintf("'%s'", strings.ReplaceAll(string(script), "'", `'\''`))+" <<'JSON'\n"+
		`{"type": "configuration_change", "data": {"flags": {"new-card-check": {"type": "update"}}}}`+"\nJSON\n",
		map[string]string{"TOKEN": "hunter2", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318"})
	require.NoError(t, err, out)
	require.NotContains(t, s.file("curl"), "hunter2")
	file, ok := strings.CutPrefix(after(t, s.arguments("curl"), "--data-binary"), "@")
	require.True(t, ok)
	_, err = os.Stat(file)
	require.ErrorIs(t, err, os.ErrNotExist, "the body is removed")

	// What the script makes of a body is the body.
	const body = "{\"type\": \"configuration_change\",\r\n\t\"data\": {\"flags\": {\"a \\\"new\\\" \\\\ check\": {\"type\": \"update\"}}}}\n"
	kept := strings.ReplaceAll(string(script), "trap 'rm -f \"$body\"' EXIT\n", "trap 'cp \"$body\" \"$OUT/body\"; rm -f \"$body\"' EXIT\n")
	require.NoError(t, os.WriteFile(s.out+"/in", []byte(body), 0o600))
	out, err = s.run("exec < $OUT/in\n"+kept, map[string]string{})
	require.NoError(t, err, out)
	require.Equal(t, `feature flag a "new" \ check: update in  by `, sentence(t, s.file("body")))
}

// EventBridge takes values out of an event and puts them into the template; what is missing is empty.
func TestEventBridge(t *testing.T) {
	text, err := os.ReadFile("aws-eventbridge.json")
	require.NoError(t, err)
	var transformer struct {
		InputPathsMap map[string]string
		InputTemplate string
	}
	require.NoError(t, json.Unmarshal(text, &transformer))
	require.LessOrEqual(t, len(transformer.InputPathsMap), 100, "EventBridge takes no more")
	require.LessOrEqual(t, len(transformer.InputTemplate), 8192, "EventBridge takes no more")
	for event, want := range map[string]string{
		`{"detail-type": "ECS Deployment State Change", "region": "eu-west-1", "account": "1", "resources": ["arn:aws:ecs:eu-west-1:1:service/shop/payment"], "detail": {"eventName": "SERVICE_DEPLOYMENT_COMPLETED", "updatedAt": "2026-11-20T14:00:00Z", "deploymentId": "ecs-svc/1"}}`:                                                                                                       "completed payment at eu-west-1 at 1 ",
		`{"detail-type": "CodeDeploy Deployment State-change Notification", "region": "eu-west-1", "account": "1", "time": "2026-11-20T14:00:00Z", "detail": {"state": "SUCCESS", "application": "payment", "deploymentGroup": "production", "deploymentId": "d-1"}}`:                                                                                                                           "completed payment in production at eu-west-1 at 1 ",
		`{"detail-type": "AWS API Call via CloudTrail", "region": "eu-west-1", "account": "1", "detail": {"eventSource": "lambda.amazonaws.com", "eventName": "UpdateAlias20150331", "eventTime": "2026-11-20T14:00:00Z", "requestParameters": {"functionName": "payment"}, "responseElements": {"functionVersion": "42"}, "userIdentity": {"arn": "arn:aws:sts::1:assumed-role/deploy/ada"}}}`: "completed payment at eu-west-1 at 1 42",
	} {
		var sent any
		require.NoError(t, json.Unmarshal([]byte(event), &sent))
		body := transformer.InputTemplate
		for name, path := range transformer.InputPathsMap {
			value := ""
			if found, ok := resolve(sent, strings.Split(strings.TrimPrefix(strings.ReplaceAll(path, "[0]", ".0"), "$."), ".")); ok {
				value = fmt.Sprint(found)
			}
			body = strings.ReplaceAll(body, "<"+name+">", value)
		}
		require.NotRegexp(t, `<[a-zA-Z]+>`, body)
		got := received(t, body)
		require.Equal(t, want, string(got.Status)+" "+got.String()+" "+got.Version)
	}
}

func resolve(value any, path []string) (any, bool) {
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[step]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			if len(v) == 0 {
				return nil, false
			}
			value = v[0]
		default:
			return nil, false
		}
	}
	return value, true
}

func TestChangesOfACluster(t *testing.T) {
	config := documents(t, "changes.yaml")[0]
	var watched []string
	for _, one := range at[[]any](t, config, "receivers", "k8s_objects/changes", "objects") {
		require.Equal(t, "watch", one.(map[string]any)["mode"])
		watched = append(watched, one.(map[string]any)["name"].(string))
	}
	require.Equal(t, []string{"configmaps", "nodes", "jobs", "events"}, watched, "Secrets only if somebody asks for them")
	require.Equal(t, map[string]any{"receivers": []any{"k8s_objects/changes"}, "exporters": []any{"deployevent"}}, at[map[string]any](t, config, "service", "pipelines", "logs/changes"))
}
