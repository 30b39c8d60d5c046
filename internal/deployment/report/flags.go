// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
)

// launchDarkly is where the relative links of its webhooks lead.
const launchDarkly = "https://app.launchdarkly.com"

// harmless are the actions of LaunchDarkly that change what no service is given.
var harmless = []string{
	"createFlag", "cloneFlag", "updateName", "updateDescription", "updateTags", "updateMaintainer", "updateTemporary", "updateIncludeInSnippet",
	"updateClientSideFlagAvailability", "updateFlagCustomProperties", "updateFlagLink", "createFlagLink", "deleteFlagLink", "updateMeasuredRolloutConfiguration",
	"updateTrackEvents", "updateFlagDefaultVariations", "createApprovalRequest", "updateApprovalRequest", "reviewApprovalRequest", "deleteApprovalRequest",
}

// readLaunchDarkly reads the webhook of LaunchDarkly, which is an entry of its audit log, about a flag. It names what was done as
// accesses: an action on proj/PROJECT:env/ENVIRONMENT:flag/KEY.
func readLaunchDarkly(p *changePayload) bool {
	p.kind, p.named = "LaunchDarkly webhook", "accesses.resource"
	accesses, _ := p.body.Get("accesses")
	var environments []string
	key := ""
	for _, access := range accesses.Slice().All() {
		if access.Type() != pcommon.ValueTypeMap || slices.Contains(harmless, textAt(access.Map(), "action")) {
			continue
		}
		for part := range strings.SplitSeq(textAt(access.Map(), "resource"), ":") {
			kind, name, _ := strings.Cut(part, "/")
			name, _, _ = strings.Cut(name, ";") // tags
			switch kind {
			case "env":
				if name == "*" {
					name = ""
				}
				if !slices.Contains(environments, name) {
					environments = append(environments, name)
				}
			case "flag":
				key = name
			}
		}
	}
	if len(environments) == 0 {
		return false
	}
	verb := p.text("titleVerb")
	value := ""
	switch {
	case strings.HasPrefix(verb, "turned on"):
		value = "on"
	case strings.HasPrefix(verb, "turned off"):
		value = "off"
	}
	var at time.Time
	if v, ok := p.body.Get("date"); ok {
		switch v.Type() {
		case pcommon.ValueTypeInt:
			at = time.UnixMilli(v.Int())
		case pcommon.ValueTypeDouble: // JSON text
			at = time.UnixMilli(int64(v.Double()))
		}
	}
	actor := strings.TrimSpace(textAt(p.body, "member", "firstName") + " " + textAt(p.body, "member", "lastName"))
	url := textAt(p.body, "_links", "site", "href")
	if strings.HasPrefix(url, "/") {
		url = launchDarkly + url
	}
	for _, environment := range environments {
		r := tracker.Report{Change: change.Change{
			Kind: change.FeatureFlag, Name: key, Value: value, Summary: cmp.Or(p.text("comment"), verb), URL: url,
			Actor: cmp.Or(actor, textAt(p.body, "member", "email")), Start: at,
		}}
		r.Environment = environment
		if id := textAt(p.body, "_id"); id != "" {
			r.ID = "launchdarkly-" + id + "-" + environment
		}
		p.add(r)
	}
	return true
}

// readUnleash reads the webhook of Unleash without a body template of its own: the event.
func readUnleash(p *changePayload) bool {
	kind := p.text("type")
	p.kind, p.named = fmt.Sprintf("Unleash %.60q", kind), "featureName"
	r := tracker.Report{Change: change.Change{Kind: change.FeatureFlag, Name: p.text("featureName"), Actor: p.text("createdBy")}}
	r.Environment = p.text("environment")
	switch kind {
	case "feature-environment-enabled":
		r.Value = "on"
	case "feature-environment-disabled":
		r.Value = "off"
	case "feature-strategy-add", "feature-strategy-update", "feature-strategy-remove", "feature-variants-updated", "feature-environment-variants-updated",
		"feature-archived", "feature-revived", "feature-strategies-sorted":
		r.Summary = strings.ReplaceAll(strings.TrimPrefix(kind, "feature-"), "-", " ")
	default: // created, described, tagged, stale: no service is given another value
		return false
	}
	r.Start = p.time(time.RFC3339, "createdAt")
	if id := p.text("id"); id != "" {
		r.ID = "unleash-" + id
	}
	p.add(r)
	return true
}

// The types of flagd's event stream, and of the event of an OpenFeature provider, when flags have changed.
const (
	flagdChange    = "configuration_change"
	providerChange = "PROVIDER_CONFIGURATION_CHANGED"
)

// readFlagd reads what flagd's event stream and OpenFeature's providers say: which flags have changed, not how.
func readFlagd(p *changePayload) bool {
	p.kind = fmt.Sprintf("OpenFeature %.60q", p.text("type"))
	add := func(key, how string) {
		p.add(tracker.Report{Change: change.Change{Kind: change.FeatureFlag, Name: key, Summary: how}})
	}
	for _, path := range [][]string{{"data", "flags"}, {"flags"}} {
		if v, ok := at(p.body, path...); ok && v.Type() == pcommon.ValueTypeMap {
			for key, one := range v.Map().All() {
				how := ""
				if one.Type() == pcommon.ValueTypeMap {
					how = textAt(one.Map(), "type")
				}
				add(key, how)
			}
		}
	}
	for _, path := range [][]string{{"flagsChanged"}, {"eventDetails", "flagsChanged"}, {"flags_changed"}} {
		if v, ok := at(p.body, path...); ok && v.Type() == pcommon.ValueTypeSlice {
			for _, key := range v.Slice().All() {
				add(key.AsString(), "")
			}
		}
	}
	return len(p.found) > 0
}
