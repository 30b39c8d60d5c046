// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/event"
)

// Keys of tags.
const (
	tagDeploy      = "deploy"
	keyDeployID    = "deploy_id"
	tagChange      = "change"
	keyChangeID    = "change_id"
	keyChange      = "kind"
	keyName        = "name"
	tagIncident    = "incident"
	keyIncidentID  = "incident_id"
	keyState       = "state"
	keySeverity    = "severity"
	keyEventID     = "event_id"
	keyStatus      = "status"
	keyService     = "service"
	keyEnvironment = "environment"
	keyVersion     = "version"
	keyNamespace   = "namespace"
	keyVerdict     = "verdict"
	keyGate        = "gate"
)

// Grafana keeps a tag in columns of 100 characters, and refuses an annotation whose tags are
// longer than 500 bytes as a JSON array.
const (
	maxTag  = 100
	maxTags = 500
)

// plainTag is text as a tag that Grafana keeps as it is: it trims spaces, and takes a colon for the end of a key.
func plainTag(text string) string {
	var b strings.Builder
	b.Grow(min(len(text), maxTag))
	for _, r := range text {
		if r == ':' {
			r = '_'
		}
		if !unicode.IsPrint(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > maxTag {
			break
		}
		b.WriteRune(r)
	}
	return strings.Trim(b.String(), " ")
}

// pairTag is key:value, or nothing for what is empty. Grafana splits a tag at every colon and keeps the first two
// parts only, so the value has none.
func pairTag(key, value string) string {
	key, value = plainTag(key), plainTag(value)
	if key == "" || value == "" {
		return ""
	}
	cut := min(len(value), max(0, maxTag-len(key)-1))
	for cut < len(value) && !utf8.RuneStart(value[cut]) {
		cut--
	}
	if value = strings.TrimRight(value[:cut], " "); value == "" {
		return ""
	}
	return key + ":" + value
}

// idTag is the tag that finds an annotation again. It is never cut: an ID that does not fit as it is goes by its hash.
func idTag(key, id string) string {
	if tag := key + ":" + id; tag == pairTag(key, id) {
		return tag
	}
	sum := sha256.Sum256([]byte(id))
	return key + ":" + hex.EncodeToString(sum[:16])
}

// deploymentTags come in order of weight: what is beyond Grafana's limit is left out.
func deploymentTags(d *deployment.Deployment, more []string) []string {
	return fit([]string{
		tagDeploy,
		idTag(keyDeployID, d.ID),
		pairTag(keyStatus, string(d.Status)),
		pairTag(keyService, d.Name),
		pairTag(keyEnvironment, d.Environment),
		pairTag(keyVersion, d.Version),
		pairTag(keyNamespace, d.Namespace),
		pairTag(keyVerdict, string(d.Effect.Verdict())),
		pairTag(keyGate, d.Gate.Verdict),
	}, more)
}

// changeTags are those of a change that is no deployment. One without a service concerns all.
func changeTags(c *change.Change, more []string) []string {
	return fit([]string{
		tagChange,
		idTag(keyChangeID, c.ID),
		pairTag(keyChange, string(c.Kind)),
		pairTag(keyService, c.Service.Name),
		pairTag(keyEnvironment, c.Environment),
		pairTag(keyName, c.Name),
		pairTag(keyNamespace, c.Namespace),
	}, more)
}

// incidentTags are those of an incident, about the service where it likely began.
func incidentTags(e *event.Event, more []string) []string {
	return fit([]string{
		tagIncident,
		idTag(keyIncidentID, e.ID),
		pairTag(keyState, string(e.State)),
		pairTag(keySeverity, e.Severity()),
		pairTag(keyService, e.Origin.Name),
		pairTag(keyEnvironment, e.Origin.Environment),
		pairTag(keyNamespace, e.Origin.Namespace),
	}, more)
}

// fit leaves out the empty ones, repetitions, and what would be too long together.
func fit(groups ...[]string) []string {
	tags := make([]string, 0, 8)
	size := len("[]")
	for _, group := range groups {
		for _, tag := range group {
			need := len(tag) + len(`"",`)
			if tag == "" || size+need > maxTags || slices.Contains(tags, tag) {
				continue
			}
			size += need
			tags = append(tags, tag)
		}
	}
	return tags
}
