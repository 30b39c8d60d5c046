// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

const (
	ecsBody = `{"version":"0","id":"ddca6449","detail-type":"ECS Deployment State Change","source":"aws.ecs","account":"111122223333","time":"2026-11-21T14:31:00Z","region":"us-west-2",
		"resources":["arn:aws:ecs:us-west-2:111122223333:service/default/checkout"],
		"detail":{"eventType":"INFO","eventName":"SERVICE_DEPLOYMENT_COMPLETED","deploymentId":"ecs-svc/123","updatedAt":"2026-11-21T14:30:00Z","reason":"ECS deployment completed."}}`
	codeDeployBody = `{"account":"111122223333","region":"us-east-1","detail-type":"CodeDeploy Deployment State-change Notification","source":"aws.codedeploy","version":"0","time":"2026-11-21T14:30:00Z","id":"1",
		"resources":["arn:aws:codedeploy:us-east-1:111122223333:application:checkout"],
		"detail":{"region":"us-east-1","application":"checkout","deploymentId":"d-123456789","state":"START","deploymentGroup":"production"}}`
	azureBody = `{"id":"106acba5","eventType":"ms.vss-release.deployment-completed-event","publisherId":"rm","createdDate":"2026-11-21T14:30:00Z",
		"resource":{"environment":{"id":5,"name":"production","status":"succeeded","release":{"id":1,"name":"Release-7","releaseDefinition":{"id":1,"name":"checkout"},"_links":{"web":{"href":"https://dev.example.com/r/7"}}}},
		"project":{"id":"0","name":"shop"}}}`
	spinnakerBody = `{"details":{"source":"orca","type":"orca:pipeline:complete","application":"checkout"},"content":{"execution":{"id":"01ABC","name":"Deploy to production","status":"SUCCEEDED",
		"authentication":{"user":"ada"},"trigger":{"type":"git","hash":"2222a22","branch":"main"}}}}`
	jenkinsBody = `{"name":"deploy","url":"job/deploy/","build":{"full_url":"https://ci.example.com/job/deploy/18/","number":18,"phase":"FINALIZED","status":"SUCCESS",
		"scm":{"url":"https://git.example.com/shop/checkout.git","branch":"origin/main","commit":"2222a22"},"parameters":{"SERVICE":"checkout","VERSION":"1.4.2","ENVIRONMENT":"production"}}}`
)

func TestVendors(t *testing.T) {
	at := time.Date(2026, 11, 21, 14, 30, 0, 0, time.UTC)
	place := deployment.Place{Region: "us-west-2", Account: "111122223333"}
	for body, want := range map[string]deployment.Deployment{
		ecsBody:        {Service: deployment.Service{Name: "checkout", Place: place}, ID: "ecs-svc/123", Status: deployment.Completed, Start: at, End: at},
		codeDeployBody: {Service: deployment.Service{Name: "checkout", Environment: "production", Place: deployment.Place{Region: "us-east-1", Account: "111122223333"}}, ID: "d-123456789", Status: deployment.Started, Start: at},
		azureBody:      {Service: deployment.Service{Name: "checkout", Environment: "production"}, ID: "azure-5", Status: deployment.Completed, Start: at, End: at, Pipeline: "checkout", RunID: "Release-7", RunURL: "https://dev.example.com/r/7"},
		spinnakerBody:  {Service: deployment.Service{Name: "checkout"}, ID: "01ABC", Status: deployment.Completed, Start: at, End: at, Pipeline: "Deploy to production", RunID: "01ABC", Actor: "ada", Revision: "2222a22", Branch: "main"},
		jenkinsBody:    {Service: deployment.Service{Name: "checkout", Environment: "production"}, ID: "deploy-18", Status: deployment.Completed, Version: "1.4.2", Start: at, End: at, Pipeline: "deploy", RunID: "18", RunURL: "https://ci.example.com/job/deploy/18/", Revision: "2222a22", Branch: "main"},
	} {
		for _, text := range []bool{true, false} {
			record := plog.NewLogRecord()
			record.SetTimestamp(pcommon.NewTimestampFromTime(at))
			if text {
				record.Body().SetStr(body)
			} else {
				m, err := parse(body)
				require.NoError(t, err)
				m.CopyTo(record.Body().SetEmptyMap())
			}
			got, ok, err := Read(pcommon.NewMap(), record)
			require.NoError(t, err, body)
			require.True(t, ok, body)
			require.Equal(t, want, *got)
		}
	}
}

func TestVendorsReportOtherThings(t *testing.T) {
	for _, body := range []string{
		`{"detail-type":"ECS Task State Change","source":"aws.ecs","detail":{"lastStatus":"RUNNING"}}`,
		`{"detail-type":"CodeDeploy Deployment State-change Notification","detail":{"application":"a","state":"READY"}}`,
		`{"eventType":"ms.vss-release.deployment-approval-pending-event","resource":{}}`,
		`{"eventType":"ms.vss-release.deployment-completed-event","resource":{"environment":{"name":"p","status":"queued"}}}`,
		`{"details":{"type":"orca:stage:complete","application":"a"}}`,
		`{"name":"test","build":{"phase":"FINALIZED","status":"SUCCESS","number":1}}`,
		`{"name":"deploy","build":{"phase":"COMPLETED","status":"SUCCESS","number":1,"parameters":{"SERVICE":"checkout"}}}`,
		`{"build":"x","details":7,"eventType":[],"detail-type":{}}`,
	} {
		record := plog.NewLogRecord()
		record.Body().SetStr(body)
		_, ok, err := Read(pcommon.NewMap(), record)
		require.False(t, ok, body)
		require.NoError(t, err, body)
	}
	record := plog.NewLogRecord()
	record.Body().SetStr(`{"detail-type":"ECS Deployment State Change","detail":{"eventName":"OTHER"}}`)
	_, ok, err := Read(pcommon.NewMap(), record)
	require.True(t, ok)
	require.ErrorContains(t, err, `detail.eventName is "OTHER"; send SERVICE_DEPLOYMENT_IN_PROGRESS`)
	require.ErrorContains(t, err, "resources is missing; say what is deployed")
}
