// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// fluxGroup is in the API group of every Flux object.
const fluxGroup = ".toolkit.fluxcd.io/"

// readFlux reads an event of Flux' helm-controller or kustomize-controller: the one that notification-controller
// posts, or the Kubernetes Event that the controllers write beside it.
func readFlux(p *payload) bool {
	about := "involvedObject"
	if _, ok := p.body.Get(about); !ok {
		about = "regarding" // events.k8s.io/v1
	}
	reason := p.text("reason")
	p.kind = fmt.Sprintf("Flux event %.60q", reason)
	switch p.text(about, "kind") + " " + reason {
	case "HelmRelease InstallSucceeded", "HelmRelease UpgradeSucceeded", "Kustomization ReconciliationSucceeded":
		p.said.Status = deployment.Completed
	case "HelmRelease RollbackSucceeded":
		p.said.Status = deployment.RolledBack
	case "HelmRelease InstallFailed", "HelmRelease UpgradeFailed", "HelmRelease RollbackFailed",
		"Kustomization ReconciliationFailed", "Kustomization HealthCheckFailed":
		p.said.Status = deployment.Failed
	default: // sources, tests, drift, dependencies that are not ready
		return false
	}
	for _, path := range [][]string{{"timestamp"}, {"lastTimestamp"}, {"eventTime"}} {
		if p.at.IsZero() {
			p.at = p.time(time.RFC3339, path...)
		}
	}
	p.named, p.said.Name = about+".name", p.text(about, "name")
	p.said.Namespace = p.text(about, "namespace")

	metadata, ok := at(p.body, "metadata", "annotations") // of a Kubernetes Event
	if !ok {
		metadata, ok = p.body.Get("metadata")
	}
	if !ok || metadata.Type() != pcommon.ValueTypeMap {
		return true
	}
	for key, v := range metadata.Map().All() {
		// Flux puts its groups before its own keys; notification-controller takes them off.
		if i := strings.Index(key, fluxGroup); i >= 0 {
			key = key[i+len(fluxGroup):]
		}
		switch key {
		case "revision":
			p.said.Configuration = v.Str()
		case "app-version":
			p.said.Version = v.Str()
		default: // eventMetadata of the Alert, or event.toolkit.fluxcd.io/ on the object
			p.hints.PutStr(key, v.AsString())
		}
	}
	if p.text(about, "kind") == "HelmRelease" {
		version, _, _ := strings.Cut(p.said.Configuration, "+") // the digest of an OCI chart
		p.said.Version = cmp.Or(p.said.Version, version)
	}
	return true
}
