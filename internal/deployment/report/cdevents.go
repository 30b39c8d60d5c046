// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// cdEvents starts the type of every CDEvent about a service (0.3 to 0.5); a predicate and a version follow.
const cdEvents = "dev.cdevents.service."

func readCDEvent(p *payload) bool {
	kind := p.text("context", "type")
	p.kind = fmt.Sprintf("CDEvent %.60q", kind)
	predicate, _, _ := strings.Cut(strings.TrimPrefix(kind, cdEvents), ".")
	switch predicate {
	case "deployed", "upgraded", "published":
		p.said.Status = deployment.Completed
	case "rolledback":
		p.said.Status = deployment.RolledBack
	default: // removed: nothing runs any more
		return false
	}
	p.at = p.time(time.RFC3339, "context", "timestamp")

	id := p.text("subject", "id") // such as service/checkout
	p.named, p.said.Name = "subject.id", id[strings.LastIndexByte(id, '/')+1:]
	p.said.Environment = p.text("subject", "content", "environment", "id")
	if artifact := p.text("subject", "content", "artifactId"); artifact != "" {
		version, err := purlVersion(artifact)
		if err != nil {
			p.errs = append(p.errs, fmt.Errorf("subject.content.artifactId %w", err))
		}
		p.said.Version = version
	}
	return true
}

// readCloudEvent reads a CDEvent in the envelope of CloudEvents' structured mode.
func readCloudEvent(p *payload) bool {
	if data, ok := p.body.Get("data"); ok && data.Type() == pcommon.ValueTypeMap {
		p.body = data.Map()
		return readCDEvent(p)
	}
	p.kind = "CloudEvent"
	p.errs = append(p.errs, errors.New("data is missing; put the CDEvent there, as JSON"))
	return true
}

// purlVersion is the version that a package URL names; a tag says more to people than the digest of an image.
func purlVersion(purl string) (string, error) {
	rest, ok := strings.CutPrefix(purl, "pkg:")
	if !ok {
		return "", fmt.Errorf("is %.60q; write a package URL, such as pkg:oci/checkout@1.4.2", purl)
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	if qualifiers, err := url.ParseQuery(query); err == nil && qualifiers.Get("tag") != "" {
		return qualifiers.Get("tag"), nil
	}
	_, version, _ := strings.Cut(rest, "@")
	version, err := url.PathUnescape(version)
	if err != nil {
		return "", fmt.Errorf("is %.60q; encode its version with percent signs", purl)
	}
	return version, nil
}
