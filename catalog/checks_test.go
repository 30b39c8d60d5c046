// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChecksHaveDefaults(t *testing.T) {
	c, problems := Parse("a.yaml", []byte(head+`metadata: {name: checkout}
spec:
  checks:
    - {name: home, http: {url: "https://shop.example.com/", headers: {authorization: "Bearer ${file:token}"}}}
    - {name: db, interval: 1m, tcp: {address: "db.example.com:5432"}}
  deployment: {migrations: [{version: 1.5.0}]}
`))
	require.NoError(t, problems.Err())
	s := c.Services[0]
	assert.Equal(t, []Check{
		{Name: "home", Interval: 30 * time.Second, Timeout: 5 * time.Second, HTTP: &HTTPCheck{
			URL: "https://shop.example.com/", Method: "GET", Status: []int{200}, CertificateFor: 14 * 24 * time.Hour, Headers: map[string]string{"authorization": "Bearer ${file:token}"},
		}},
		{Name: "db", Interval: time.Minute, Timeout: 5 * time.Second, TCP: &TCPCheck{Address: "db.example.com:5432"}},
	}, s.Checks)
	assert.Equal(t, "http tcp", s.Checks[0].Kind()+" "+s.Checks[1].Kind())
	assert.Empty(t, (&Check{}).Kind())
	assert.Equal(t, 2, s.Deployment.Rollback.Budget())
	assert.Equal(t, 5, Rollback{PerDay: 5}.Budget())
	text, err := s.YAML()
	require.NoError(t, err)
	again, problems := Parse("a.yaml", text)
	require.NoError(t, problems.Err())
	assert.Equal(t, s.Checks, again.Services[0].Checks)
}

// What no schema says.
func TestWrongChecks(t *testing.T) {
	for text, want := range map[string]string{
		`{name: a, http: {url: "https://a:b@c/"}}`:                                       "has a user or a password",
		`{name: a, http: {url: "https://a/", headers: {Authorization: Bearer x}}}`:       "has a secret",
		`{name: a, http: {url: "https://a/", headers: {x-api-key: x}}}`:                  "has a secret",
		`{name: a, http: {url: "https://a/", headers: {"a b": x}}}`:                      "is not the name of a header",
		`{name: a, http: {url: "https://a/", headers: {a: "${env:HOME}"}}}`:              "has a reference that is not known",
		`{name: a, http: {url: "https://a/", headers: {a: "${file:../../etc/shadow}"}}}`: "has a reference that is not known",
		`{name: a, http: {url: "https://a/", pattern: "("}}`:                             "is not a regular expression",
		`{name: a, tcp: {address: a}}`:                                                   "is not HOST:PORT",
		`{name: a, tcp: {address: "a:70000"}}`:                                           "is not HOST:PORT",
		`{name: a, dns: {name: a, addresses: [b]}}`:                                      "is not an IP address",
		`{name: a, interval: 1s, tcp: {address: "a:1"}}`:                                 "is out of bounds",
		`{name: a, interval: 5s, timeout: 6s, tcp: {address: "a:1"}}`:                    "has a timeout above the interval",
		`{name: a}`: "has 0 kinds of check",
		`{name: a, tcp: {address: "a:1"}}, {name: a, tcp: {address: "a:1"}}`: "exists twice",
	} {
		_, problems := Parse("a.yaml", []byte(head+"metadata: {name: checkout}\nspec: {checks: ["+text+"]}\n"))
		require.Error(t, problems.Err(), text)
		assert.Contains(t, problems.Err().Error(), want, text)
	}
	var many strings.Builder
	for i := range mostChecks + 1 {
		many.WriteString("{name: a" + strconv.Itoa(i) + `, tcp: {address: "a:1"}}, `)
	}
	_, problems := Parse("a.yaml", []byte(head+"metadata: {name: checkout}\nspec: {checks: ["+many.String()+"]}\n"))
	require.ErrorContains(t, problems.Err(), "has 51 checks")
}

func TestSyntheticSLI(t *testing.T) {
	assert.True(t, (&SLI{Spans: &Conditions{Match: `attributes["check.name"] == "home"`, Good: "status.code != 2"}}).Synthetic())
	assert.True(t, (&SLI{Latency: &Latency{SpanSelection: SpanSelection{Match: `attributes["user_agent.synthetic.type"] == "test"`}}}).Synthetic())
	assert.True(t, (&SLI{Availability: &Availability{SpanSelection: SpanSelection{Match: `attributes["check.name"] != nil`}}}).Synthetic())
	assert.False(t, (&SLI{Availability: &Availability{}}).Synthetic())
	assert.False(t, (&SLI{Spans: &Conditions{Match: `attributes["order"] != nil`, Good: "true"}}).Synthetic())
	assert.False(t, (&SLI{Metrics: &Metrics{}}).Synthetic())
}
