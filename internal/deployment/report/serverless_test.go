// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

const lambdaCall = `{"version": "0", "id": "7bf73129", "detail-type": "AWS API Call via CloudTrail", "source": "aws.lambda", "account": "111122223333",
 "time": "2026-11-26T10:01:31Z", "region": "eu-west-1", "resources": [], "detail": {"eventVersion": "1.09",
 "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/deployer/ada"}, "eventTime": "2026-11-26T10:01:30Z",
 "eventSource": "lambda.amazonaws.com", "eventName": "%s", "awsRegion": "eu-west-1", "eventID": "b3c1", %s}}`

const cloudRunEntry = `{"insertId": "1x", "logName": "projects/shop-prod/logs/cloudaudit.googleapis.com%%2Fsystem_event", "severity": "NOTICE", "timestamp": "2026-11-26T10:01:30.5Z",
 "resource": {"type": "cloud_run_revision", "labels": {"project_id": "shop-prod", "location": "europe-west1", "service_name": "payment", "configuration_name": "payment", "revision_name": ""}},
 "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "run.googleapis.com", "methodName": "%s",
 "resourceName": "namespaces/shop-prod/services/payment", "authenticationInfo": {"principalEmail": "ada@example.com"},
 "response": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "payment"},
  "spec": {"template": {"spec": {"containers": [{"image": "europe-docker.pkg.dev/shop/payment:1.4.2", "ports": [{"containerPort": 8080}]}]}}},
  "status": {"latestCreatedRevisionName": "payment-00042-abc", "latestReadyRevisionName": "payment-00041-xyz", "conditions": [{"type": "Ready", "status": "%s"}]}}}}`

// helm is a Secret of Helm with a release.
func helm(status, description string) string {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = fmt.Fprintf(z, `{"name": "payment", "version": 7, "namespace": "shop", "info": {"last_deployed": "2026-11-26T10:01:30.5Z", "description": %q, "status": %q},
 "chart": {"metadata": {"name": "payment", "version": "3.1.0", "appVersion": "1.4.2"}}, "config": {"password": "hunter2"}, "manifest": "---"}`, description, status)
	_ = z.Close()
	release := base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(packed.Bytes())))
	return fmt.Sprintf(`{"type": "MODIFIED", "object": {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": {"name": "sh.helm.release.v1.payment.v7", "namespace": "shop",
 "creationTimestamp": "2026-11-26T10:01:00Z", "labels": {"name": "payment", "owner": "helm", "status": %q, "version": "7", "modifiedAt": "1795687290"}}, "data": {"release": %q}}}`, status, release)
}

func TestServerlessAndHelm(t *testing.T) {
	for name, one := range map[string]struct{ body, want string }{
		"Lambda: a version is published": {fmt.Sprintf(lambdaCall, "PublishVersion20150331",
			`"requestParameters": {"functionName": "payment"}, "responseElements": {"functionName": "payment", "version": "42", "codeSha256": "x="}`),
			"started payment at eu-west-1 at 111122223333 42 by ada"},
		"Lambda: an alias means it": {fmt.Sprintf(lambdaCall, "UpdateAlias20150331",
			`"requestParameters": {"functionName": "arn:aws:lambda:eu-west-1:111122223333:function:payment", "name": "live", "functionVersion": "42"}, "responseElements": {"name": "live", "functionVersion": "42", "routingConfig": {}}`),
			"completed payment at eu-west-1 at 111122223333 42 by ada"},
		"Lambda: an alias sends it a part": {fmt.Sprintf(lambdaCall, "UpdateAlias20150331",
			`"requestParameters": {"functionName": "payment", "name": "live", "functionVersion": "41", "routingConfig": {"additionalVersionWeights": {"42": 0.1}}}, "responseElements": {"name": "live", "functionVersion": "41", "routingConfig": {"additionalVersionWeights": {"42": 0.1}}}`),
			"canary payment at eu-west-1 at 111122223333 42 before 41 by ada"},
		"Lambda: new code without a version": {fmt.Sprintf(lambdaCall, "UpdateFunctionCode20150331v2",
			`"requestParameters": {"functionName": "payment"}, "responseElements": {"functionName": "payment", "version": "$LATEST"}`),
			"completed payment at eu-west-1 at 111122223333  id b3c1 by ada"},
		"Lambda: refused": {fmt.Sprintf(lambdaCall, "UpdateAlias20150331", `"errorCode": "AccessDenied", "requestParameters": {"functionName": "payment"}`), "none"},
		"Lambda: read":    {fmt.Sprintf(lambdaCall, "GetFunction20150331v2", `"requestParameters": {"functionName": "payment"}`), "none"},

		"Cloud Run: asked for": {fmt.Sprintf(cloudRunEntry, "google.cloud.run.v1.Services.ReplaceService", "Unknown"),
			"started payment at europe-west1 at shop-prod 1.4.2 id cloud-run-payment-00042-abc by ada@example.com"},
		"Cloud Run: ready": {fmt.Sprintf(cloudRunEntry, "/Services.ReplaceService", "True"),
			"completed payment at europe-west1 at shop-prod 1.4.2 id cloud-run-payment-00042-abc by ada@example.com"},
		"Cloud Run: failed": {fmt.Sprintf(cloudRunEntry, "google.cloud.run.v2.Services.UpdateService", "False"),
			"failed payment at europe-west1 at shop-prod 1.4.2 id cloud-run-payment-00042-abc by ada@example.com"},
		"Cloud Run: read": {fmt.Sprintf(cloudRunEntry, "google.cloud.run.v1.Services.GetService", "True"), "none"},

		"Helm: an upgrade begins": {helm("pending-upgrade", "Preparing upgrade"), "started shop/payment 1.4.2 id helm-shop-payment-7"},
		"Helm: deployed":          {helm("deployed", "Upgrade complete"), "completed shop/payment 1.4.2 id helm-shop-payment-7"},
		"Helm: a rollback":        {helm("deployed", "Rollback to 5"), "completed shop/payment 1.4.2 id helm-shop-payment-7 rollback"},
		"Helm: failed":            {helm("failed", "timed out"), "failed shop/payment 1.4.2 id helm-shop-payment-7"},
		"Helm: the one before":    {helm("superseded", "Upgrade complete"), "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, asMap := range []bool{false, true} {
				record := plog.NewLogRecord()
				record.Body().SetStr(one.body)
				if asMap {
					m, err := parse(one.body)
					require.NoError(t, err)
					m.CopyTo(record.Body().SetEmptyMap())
				}
				d, ok, err := Read(pcommon.NewMap(), record)
				require.NoError(t, err)
				if !ok {
					require.Equal(t, one.want, "none", asMap)
					continue
				}
				require.Equal(t, one.want, described(d), asMap)
				require.Equal(t, "2026-11-26T10:01:30", d.Start.UTC().Format("2006-01-02T15:04:05"))
			}
		})
	}
}

func described(d *deployment.Deployment) string {
	text := string(d.Status) + " " + d.String() + " " + d.Version
	if d.Previous != "" {
		text += " before " + d.Previous
	}
	if d.ID != "" {
		text += " id " + d.ID
	}
	if d.Actor != "" {
		text += " by " + d.Actor
	}
	if d.Rollback {
		text += " rollback"
	}
	return text
}

// A release that cannot be unpacked, or is a bomb, is read by its labels.
func TestHelmReleaseThatCannotBeUnpacked(t *testing.T) {
	for _, release := range []string{"", "!", "aGVsbG8=", base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("no gzip"))))} {
		record := plog.NewLogRecord()
		body := helm("deployed", "x")
		from := strings.Index(body, `"release": "`) + len(`"release": "`)
		record.Body().SetStr(body[:from] + release + `"}}}`)
		d, ok, err := Read(pcommon.NewMap(), record)
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, "completed shop/payment  id helm-shop-payment-7", described(d))
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write([]byte(`{"chart": {"metadata": {"name": "`))
	_, _ = z.Write(bytes.Repeat([]byte("x"), mostRelease+1))
	_ = z.Close()
	_, ok := unpack(base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(bomb.Bytes()))))
	assert.False(t, ok)
}
