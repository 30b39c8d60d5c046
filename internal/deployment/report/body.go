// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	// maxBody is the size of JSON text that is read, in bytes. GitHub's largest are a tenth of it.
	maxBody = 256 << 10
	// maxDepth is how deep it may be nested. A Deployment's pod template has about 15 levels.
	maxDepth = 64
)

// object is the body as a map, if it is one, or if it is JSON text that may report a deployment.
// It is an error if it surely does, but cannot be read.
func object(body pcommon.Value) (pcommon.Map, bool, error) {
	switch body.Type() {
	case pcommon.ValueTypeMap:
		return body.Map(), true, nil
	case pcommon.ValueTypeStr:
		text := strings.TrimLeft(body.Str(), " \t\r\n")
		if !strings.HasPrefix(text, "{") {
			return pcommon.Map{}, false, nil
		}
		maybe, surely := mentions(text[:min(len(text), maxBody)])
		if !maybe {
			return pcommon.Map{}, false, nil
		}
		m, err := parse(text)
		if err != nil && !surely {
			return pcommon.Map{}, false, nil
		}
		return m, true, err
	}
	return pcommon.Map{}, false, nil
}

// mentions looks for the words that every form of report has, so that other JSON is not parsed.
func mentions(text string) (maybe, surely bool) {
	if strings.Contains(text, cdEvents) {
		return true, true
	}
	if strings.Contains(text, "eployment") {
		surely = strings.Contains(text, `"deployment_status"`) || strings.Contains(text, `"deployment_id"`)
		maybe = surely || strings.Contains(text, `"deployment"`) || strings.Contains(text, `"Deployment"`)
	}
	surely = surely || strings.Contains(text, ecsChange) || strings.Contains(text, codeDeployChange)
	maybe = maybe || surely || strings.Contains(text, lambdaSource) || strings.Contains(text, cloudRun) || strings.Contains(text, helmSecret) || strings.Contains(text, fluxGroup) || strings.Contains(text, azurePrefix) || strings.Contains(text, spinnakerPrefix)
	return maybe || strings.Contains(text, `"phase"`) && strings.Contains(text, `"SERVICE"`), surely
}

func parse(text string) (pcommon.Map, error) {
	if len(text) > maxBody {
		return pcommon.Map{}, fmt.Errorf("body has %d bytes; send at most %d", len(text), maxBody)
	}
	if depth := depthOf(text); depth > maxDepth {
		return pcommon.Map{}, fmt.Errorf("body is nested %d deep; send at most %d", depth, maxDepth)
	}
	var raw map[string]any
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return pcommon.Map{}, fmt.Errorf("body is not JSON: %w", err)
	}
	m := pcommon.NewMap()
	if err := m.FromRaw(raw); err != nil {
		return pcommon.Map{}, fmt.Errorf("body: %w", err)
	}
	return m, nil
}

// depthOf is how deep JSON text is nested.
func depthOf(text string) int {
	var depth, deepest int
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// A reader reads one form of report; it is false if the payload reports no deployment.
type reader func(*payload) bool

// recognize finds the reader of a body, and the part of it that is the report; nil if it is none.
func recognize(body pcommon.Map) (read reader, report pcommon.Map) {
	body.Range(func(key string, v pcommon.Value) bool {
		switch key {
		case "object": // of a watch of the k8s_objects receiver
			if change := textAt(body, "type"); v.Type() == pcommon.ValueTypeMap && (change == "ADDED" || change == "MODIFIED") {
				read, report = readerOfObject(v.Map()), v.Map()
			}
		case "kind", "involvedObject", "regarding":
			read, report = readerOfObject(body), body
		case "context":
			if v.Type() == pcommon.ValueTypeMap && strings.HasPrefix(textAt(v.Map(), "type"), cdEvents) {
				read, report = readCDEvent, body
			}
		case "specversion":
			if strings.HasPrefix(textAt(body, "type"), cdEvents) {
				read, report = readCloudEvent, body
			}
		case "object_kind":
			if v.Str() == "deployment" {
				read, report = readGitLab, body
			}
		case "detail-type":
			if r := readerOfEventBridge(body); r != nil {
				read, report = r, body
			}
		case "eventType":
			if v.Type() == pcommon.ValueTypeStr && strings.HasPrefix(v.Str(), azurePrefix) {
				read, report = readAzure, body
			}
		case "protoPayload":
			if v.Type() == pcommon.ValueTypeMap && textAt(v.Map(), "serviceName") == cloudRun {
				read, report = readCloudRun, body
			}
		case "details":
			if v.Type() == pcommon.ValueTypeMap && strings.HasPrefix(textAt(v.Map(), "type"), spinnakerPrefix) {
				read, report = readSpinnaker, body
			}
		case "build":
			if v.Type() == pcommon.ValueTypeMap && textAt(v.Map(), "phase") != "" {
				read, report = readJenkins, body
			}
		case "deployment":
			if v.Type() == pcommon.ValueTypeMap && textAt(v.Map(), "sha") != "" {
				read, report = readGitHub, body
			}
		}
		return read == nil
	})
	return read, report
}

// readerOfObject is that of a Kubernetes object.
//
// An Event about a Deployment reports none: ScalingReplicaSet says how many instances a ReplicaSet shall have,
// not of which version, and says the same of a rollout and of a scale-out. The object itself tells them apart.
func readerOfObject(object pcommon.Map) reader {
	switch {
	case textAt(object, "kind") == "Secret" && strings.HasPrefix(textAt(object, "type"), helmSecret):
		return readHelm
	case textAt(object, "kind") == "Deployment" && strings.HasPrefix(textAt(object, "apiVersion"), "apps/"):
		return readKubernetes
	case strings.Contains(textAt(object, "involvedObject", "apiVersion"), fluxGroup),
		strings.Contains(textAt(object, "regarding", "apiVersion"), fluxGroup):
		return readFlux
	}
	return nil
}
