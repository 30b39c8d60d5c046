// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A flag of the service, one of all services and one of another service; the page has the first two, and marks them in the plots.
func TestPageShowsWhatChangedBesides(t *testing.T) {
	s := startStore(t, "groups: []")
	now := time.Now().Truncate(time.Second)
	for ago := 20 * time.Minute; ago >= 0; ago -= time.Minute {
		b := trouble(now, ago)
		changed := func(since time.Duration, more attributes) {
			if ago <= since {
				b.gauge("change.time", "s", float64(now.Add(-since).Unix()), more)
			}
		}
		flag := attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production",
			"change.id": "1", "change.kind": "feature_flag", "change.name": "new-card-check", "change.previous": "off", "change.value": "on"}
		if ago > 5*time.Minute {
			changed(10*time.Minute, flag)
		} else { // more has become known
			changed(10*time.Minute, flag.and("user.name", "Ada", "change.url", "https://flags.example.com/1"))
		}
		judged := func(since time.Duration, verdict, reason string) {
			if ago <= since && ago > since-4*time.Minute {
				b.gauge("change.time_of_verdict", "s", float64(now.Add(-since).Unix()), attributes{"service.name": "checkout", "deployment.environment.name": "production",
					"change.id": "1", "change.kind": "feature_flag", "change.name": "new-card-check", "change.verdict": verdict, "change.verdict_reason": reason, "change.evidence": "before_and_after"})
			}
		}
		judged(9*time.Minute, "inconclusive", "few events")
		judged(4*time.Minute, "fail", "<b>10 % failed")
		changed(7*time.Minute, attributes{"deployment.environment.name": "production",
			"change.id": "2", "change.kind": "infrastructure", "change.name": "node pool web", "change.previous": "v1.30", "change.value": "v1.31", "change.status": "started"})
		changed(7*time.Minute, attributes{"service.name": "payment", "service.namespace": "shop", "deployment.environment.name": "production",
			"change.id": "3", "change.kind": "configuration", "change.name": "ConfigMap payment"})
		changed(7*time.Minute, attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "staging",
			"change.id": "4", "change.kind": "configuration", "change.name": "ConfigMap staging"})
		b.push(t, s)
	}
	c := parse(t, document("checkout", "payments-team", 1, checkoutSLOs))
	v := open(t, s.client, c, "")
	var got struct {
		Changes []struct {
			Kind, Name, Previous, Value, Status, Actor, URL, Service, Verdict, Evidence string
			Reason                                                                      string `json:"verdict_reason"`
		}
	}
	require.Nil(t, v.answer("/services/checkout?range=1h", "/services/{slug}", &got))
	require.Len(t, got.Changes, 2)
	assert.Equal(t, "node pool web", got.Changes[0].Name)
	assert.Empty(t, got.Changes[0].Service)
	assert.Equal(t, "new-card-check", got.Changes[1].Name)
	assert.Equal(t, "Ada", got.Changes[1].Actor)
	assert.Equal(t, []string{"fail", "<b>10 % failed", "before_and_after"}, []string{got.Changes[1].Verdict, got.Changes[1].Reason, got.Changes[1].Evidence}, "the newest verdict")
	assert.Empty(t, got.Changes[0].Verdict)
	page := v.page("/services/checkout?range=1h")
	assert.Contains(t, page, "What changed besides")
	assert.Contains(t, page, `<a href="https://flags.example.com/1">details</a> by Ada`)
	assert.Contains(t, page, `<path class="marker change"`)
	assert.Contains(t, page, `<span class="state burning_fast">fail</span> <small>by the time before</small> <small>&lt;b&gt;10 % failed</small>`)
	assert.Contains(t, page, "<title>feature flag new-card-check, ")
	assert.NotContains(t, page, "ConfigMap payment")
	assert.NotContains(t, page, "ConfigMap staging")
}
