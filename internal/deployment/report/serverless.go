// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A call of AWS' API that CloudTrail saw, as EventBridge passes it on, and what names Lambda in it.
const (
	apiCall      = "AWS API Call via CloudTrail"
	lambdaSource = "lambda.amazonaws.com"
)

// readLambda reads a change of a function: of the version that an alias means, or of its code. A published version has begun its way; an
// alias that sends it a part of the requests makes it a canary, and one that means it completes it.
func readLambda(p *payload) bool {
	call, _, _ := strings.Cut(p.text("detail", "eventName"), "2015") // the API's date
	p.kind = fmt.Sprintf("Lambda %.60q", call)
	if p.text("detail", "errorCode") != "" {
		return false // it was refused
	}
	answer := func(key string) string {
		return cmp.Or(p.text("detail", "responseElements", key), p.text("detail", "requestParameters", key))
	}
	switch call {
	case "PublishVersion":
		p.said.Status, p.said.Version = deployment.Started, p.text("detail", "responseElements", "version")
	case "CreateAlias", "UpdateAlias":
		p.said.Status, p.said.Version = deployment.Completed, answer("functionVersion")
		if canary := p.weighted(); canary != "" {
			p.said.Status, p.said.Previous, p.said.Version = deployment.Canary, p.said.Version, canary
		}
	case "UpdateFunctionCode":
		p.said.Status = deployment.Completed // no version: what is seen next
		if version := p.text("detail", "responseElements", "version"); version != "$LATEST" {
			p.said.Version = version
		}
	default:
		return false
	}
	p.at = p.time(time.RFC3339, "detail", "eventTime")
	p.named, p.said.Name = "detail.requestParameters.functionName", functionName(p.text("detail", "requestParameters", "functionName"))
	if p.said.Version == "" {
		p.said.ID = p.text("detail", "eventID")
	}
	user := cmp.Or(p.text("detail", "userIdentity", "userName"), p.text("detail", "userIdentity", "arn"))
	p.said.Actor = user[strings.LastIndexByte(user, '/')+1:]
	p.said.Region, p.said.Account = cmp.Or(p.text("detail", "awsRegion"), p.text("region")), p.text("account")
	return true
}

// weighted is the further version that an alias sends a part of the requests; empty if there is none.
func (p *payload) weighted() string {
	for _, side := range []string{"responseElements", "requestParameters"} {
		weights, ok := at(p.body, "detail", side, "routingConfig", "additionalVersionWeights")
		if !ok || weights.Type() != pcommon.ValueTypeMap {
			continue
		}
		version := ""
		for name := range weights.Map().All() {
			version = max(version, name)
		}
		return version
	}
	return ""
}

// functionName is the name in an ARN of a function, whole or in part, without version or alias.
func functionName(arn string) string {
	if _, name, ok := strings.Cut(arn, "function:"); ok {
		arn = name
	} else if strings.Count(arn, ":") >= 2 { // account:function name:alias
		_, arn, _ = strings.Cut(arn, ":")
	}
	name, _, _ := strings.Cut(arn, ":")
	return name
}

// cloudRun names the service in Google Cloud's audit log.
const cloudRun = "run.googleapis.com"

// readCloudRun reads an entry of the audit log about a service of Cloud Run: that somebody has asked for a new revision, and that it is ready.
func readCloudRun(p *payload) bool {
	method := p.text("protoPayload", "methodName")
	p.kind = fmt.Sprintf("Cloud Run %.80q", method)
	switch method[strings.LastIndexByte(method, '.')+1:] {
	case "ReplaceService", "UpdateService", "CreateService":
	default:
		return false
	}
	p.said.Status = deployment.Started
	if code := p.text("protoPayload", "status", "code"); code != "" && code != "0" {
		p.said.Status = deployment.Failed
	}
	answer := []string{"protoPayload", "response"}
	path := func(more ...string) []string { return append(append([]string{}, answer...), more...) }
	if conditions, ok := at(p.body, path("status", "conditions")...); ok && conditions.Type() == pcommon.ValueTypeSlice {
		for _, c := range conditions.Slice().All() {
			if c.Type() != pcommon.ValueTypeMap || textAt(c.Map(), "type") != "Ready" {
				continue
			}
			switch textAt(c.Map(), "status") {
			case "True":
				p.said.Status = deployment.Completed
			case "False":
				p.said.Status = deployment.Failed
			}
		}
	}
	resource := p.text("protoPayload", "resourceName")
	p.named, p.said.Name = "resource.labels.service_name", cmp.Or(p.text("resource", "labels", "service_name"), resource[strings.LastIndexByte(resource, '/')+1:])
	revision := cmp.Or(p.text(path("status", "latestCreatedRevisionName")...), p.text(path("status", "latestReadyRevisionName")...), p.text("resource", "labels", "revision_name"))
	p.said.Version = revision
	if containers, ok := at(p.body, path("spec", "template", "spec", "containers")...); ok && containers.Type() == pcommon.ValueTypeSlice {
		var all []pcommon.Map
		for _, c := range containers.Slice().All() {
			if c.Type() == pcommon.ValueTypeMap {
				all = append(all, c.Map())
			}
		}
		image, digest, _ := strings.Cut(textAt(mainOf(all, []string{p.said.Name}), "image"), "@")
		_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
		for _, version := range []string{revision, digest, tag} { // the last that says anything is the best name
			if !deployment.SaysNothing(version) {
				p.said.Version = version
			}
		}
	}
	if revision != "" {
		p.said.ID = "cloud-run-" + revision
	}
	p.at = p.time(time.RFC3339, "timestamp")
	p.said.Actor = p.text("protoPayload", "authenticationInfo", "principalEmail")
	p.said.Configuration = revision
	p.said.Region, p.said.Account = p.text("resource", "labels", "location"), p.text("resource", "labels", "project_id")
	return true
}

// mostRelease is the size of a release of Helm that is read, unpacked. Its values and manifests are left out.
const mostRelease = 16 << 20

// helmRelease is what is read of a release.
type helmRelease struct {
	Info struct {
		LastDeployed time.Time `json:"last_deployed"`
		Description  string    `json:"description"`
	} `json:"info"`
	Chart struct {
		Metadata struct{ Name, Version, AppVersion string } `json:"metadata"`
	} `json:"chart"`
}

// readHelm reads the Secret in which Helm keeps a release. Its labels say how far it has come; the release inside says which version.
func readHelm(p *payload) bool {
	p.kind = "Helm release"
	label := func(key string) string { return p.text("metadata", "labels", key) }
	if label("owner") != "helm" {
		return false
	}
	switch label("status") {
	case "pending-install", "pending-upgrade", "pending-rollback":
		p.said.Status = deployment.Started
	case "deployed":
		p.said.Status = deployment.Completed
	case "failed":
		p.said.Status = deployment.Failed
	default: // superseded, uninstalled
		return false
	}
	p.named, p.said.Name = "metadata.labels.name", label("name")
	p.said.Namespace = p.text("metadata", "namespace")
	if annotations, ok := at(p.body, "metadata", "annotations"); ok && annotations.Type() == pcommon.ValueTypeMap {
		p.takeHints(attributeAnnotation, annotations.Map())
	}
	p.said.ID = fmt.Sprintf("helm-%s-%s-%s", p.said.Namespace, label("name"), label("version"))
	p.at = p.time(time.RFC3339, "metadata", "creationTimestamp")
	release, ok := unpack(p.text("data", "release"))
	if !ok {
		return true
	}
	if !release.Info.LastDeployed.IsZero() {
		p.at = release.Info.LastDeployed
	}
	chart := release.Chart.Metadata
	p.said.Version = cmp.Or(chart.AppVersion, chart.Version)
	p.said.Configuration = strings.Trim(chart.Name+"-"+chart.Version, "-")
	p.said.Rollback = strings.HasPrefix(release.Info.Description, "Rollback to")
	return true
}

// unpack reads a release: gzip in base64, as Kubernetes has it in base64 once more.
func unpack(text string) (release helmRelease, ok bool) {
	for range 2 {
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return release, false
		}
		text = string(plain)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader([]byte(text)))
	if err != nil {
		return release, false
	}
	return release, json.NewDecoder(io.LimitReader(unpacked, mostRelease)).Decode(&release) == nil
}
