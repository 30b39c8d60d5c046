// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

const answer = `{"data": {"spent": [{"slo": "availability", "environment": "production", "window": "1h", "from": "2026-11-21T03:00:00Z", "to": "2026-11-21T04:00:00Z",
 "good": 11000, "bad": 1000, "booked": 990, "text": "v1.1.0 on POST /pay, since 03:12\u001b[31m",
 "causes": [{"attributes": [{"name": "service.version", "value": "v1.1.0"}, {"name": "http.route", "value": "POST\t/pay\n"}], "same": [{"name": "vcs.ref.head.revision", "value": "02c9b5d"}],
  "bad": 710, "uncertain": 4, "share_of_bad": 0.71, "share_of_traffic": 0.059, "bad_ratio": 0.5, "bad_ratio_of_rest": 0.001, "since": "2026-11-21T03:12:00Z", "traces": ["4bf92f3577b34da6a3ce929d0e0e4736"]}],
 "dimensions": [{"name": "http.route", "lines": [{"attributes": [{"name": "http.route", "value": "POST /pay"}], "bad": 710, "uncertain": 0, "share_of_bad": 0.71, "share_of_traffic": 0.1, "bad_ratio": 0.5, "bad_ratio_of_rest": 0.01}], "other": 200, "without": 80},
  {"name": "service.version", "lines": [{"attributes": [{"name": "service.version", "value": "v1.1.0"}], "bad": 800, "uncertain": 0, "share_of_bad": 0.8, "share_of_traffic": 0.2, "bad_ratio": 0.4, "bad_ratio_of_rest": 0.02}], "other": 150, "without": 40}],
  "by_incident": [{"id": "20261121-031200-4bf92f35", "path": "/incidents/20261121-031200-4bf92f35", "from": "2026-11-21T03:12:00Z", "to": "2026-11-21T03:40:00Z", "bad": 900, "share_of_bad": 0.9}], "other_incidents": 30, "outside_of_incidents": 70},
 {"slo": "latency", "environment": "", "window": "1h", "from": "2026-11-21T03:00:00Z", "to": "2026-11-21T04:00:00Z", "good": 5, "bad": 0, "booked": 0, "text": "Nothing failed.", "causes": [], "dimensions": []}],
 "slow_because": {"place": "own", "service": "bank", "text": "payment is slow because of bank\u001b"}}}`

// page is a status page that answers so, and the queries that it was asked.
func page(t *testing.T) (string, *[]url.Values) {
	t.Helper()
	asked := &[]url.Values{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.Query())
		switch r.URL.Query().Get("service") {
		case "shop/payment":
			_, _ = w.Write([]byte(answer))
		case "quiet":
			_, _ = w.Write([]byte(`{"problem": {"what": "There is no ledger.", "fix": "Ask another."}, "data": {"spent": []}}`))
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"problem": {"what": "There is no such service.", "fix": "Name another."}}`))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestExplain(t *testing.T) {
	base, asked := page(t)
	r := commandtest.Run(NewCommand(), nil, "explain", "shop/payment", "--url", base)
	require.NoError(t, r.Err)
	assert.Equal(t, `availability in production, 2026-11-21 03:00:00 to 2026-11-21 04:00:00: 1000 failed, 11000 did not
of those that failed, 990 are in the ledger
v1.1.0 on POST /pay, since 03:12`+"\ufffd"+`[31m
CAUSE                                             FAILED      OF FAILED  OF TRAFFIC  FAILS   REST FAILS  SINCE
service.version=v1.1.0 and http.route=POST`+"\ufffd/pay\ufffd"+`  710 to 714  71.0 %     5.9 %       50.0 %  0.1 %       2026-11-21 03:12:00

INCIDENT                  FROM                 TO                   FAILED  OF FAILED
20261121-031200-4bf92f35  2026-11-21 03:12:00  2026-11-21 03:40:00  900     90.0 %
all other incidents       -                    -                    30      -
outside of incidents      -                    -                    70      -

VERSION           FAILED  OF FAILED  OF TRAFFIC  FAILS   REST FAILS  SINCE
v1.1.0            800     80.0 %     20.0 %      40.0 %  2.0 %       -
all other values  150
without it        40

latency, 2026-11-21 03:00:00 to 2026-11-21 04:00:00: 0 failed, 5 did not
Nothing failed.

payment is slow because of bank`+"\ufffd\n", r.Stdout)
	assert.Equal(t, url.Values{"service": {"shop/payment"}, "only": {"spent"}, "window": {"1h"}}, (*asked)[0])

	r = commandtest.Run(NewCommand(), nil, "explain", "shop/payment", "availability", "--since", "20m", "--until", "10m", "--environment", "production", "--url", base, "-o", "wide")
	require.NoError(t, r.Err)
	assert.Equal(t, url.Values{"service": {"shop/payment"}, "slo": {"availability"}, "only": {"spent"}, "since": {"20m"}, "until": {"10m"}, "environment": {"production"}}, (*asked)[1])
	assert.Contains(t, r.Stdout, "vcs.ref.head.revision=02c9b5d  4bf92f3577b34da6a3ce929d0e0e4736")
	assert.Contains(t, r.Stdout, `
http.route        FAILED  OF FAILED  OF TRAFFIC  FAILS   REST FAILS  SINCE  SAME  REQUEST
POST /pay         710     71.0 %     10.0 %      50.0 %  1.0 %       -      -     -
all other values  200
without it        80
`)

	r = commandtest.Run(NewCommand(), nil, "explain", "shop/payment", "--window", "period", "--url", base, "-o", "json")
	require.NoError(t, r.Err)
	var got, want []any
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &got))
	var whole struct{ Data struct{ Spent []any } }
	require.NoError(t, json.Unmarshal([]byte(answer), &whole))
	want = whole.Data.Spent
	assert.Equal(t, want, got, "the data of the page")
	r = commandtest.Run(NewCommand(), nil, "explain", "shop/payment", "--url", base, "-o", "yaml")
	require.NoError(t, r.Err)
	assert.Contains(t, r.Stdout, "- slo: availability\n  environment: production\n")
}

func TestExplainNothing(t *testing.T) {
	base, _ := page(t)
	for want, test := range map[string]struct {
		args []string
		code int
	}{
		"There is no such service":   {[]string{"other", "--url", base}, exit.NotOK},
		"There is no ledger.":        {[]string{"quiet", "--url", base}, exit.NotOK},
		"--window is not known":      {[]string{"x", "--window", "2h", "--url", base}, exit.Usage},
		"are two times":              {[]string{"x", "--window", "1h", "--since", "1h", "--url", base}, exit.Usage},
		"--since is missing":         {[]string{"x", "--until", "1h", "--url", base}, exit.Usage},
		"the service is empty":       {[]string{" ", "--url", base}, exit.Usage},
		"does not answer":            {[]string{"x", "--url", "127.0.0.1:1"}, exit.Usage},
		"write table, wide, json or": {[]string{"x", "-o", "xml", "--url", base}, exit.Usage},
		"accepts between 1 and 2":    {nil, exit.Usage},
	} {
		r := commandtest.Run(NewCommand(), nil, append([]string{"explain"}, test.args...)...)
		assert.Equal(t, test.code, r.Code, want)
		if test.code == exit.Usage {
			require.ErrorContains(t, r.Err, want)
		} else {
			assert.Contains(t, r.Stderr, want)
		}
	}
	r := commandtest.Run(NewCommand(), nil, "explain", "quiet", "--url", base, "-o", "json")
	assert.Equal(t, "[]\n", r.Stdout)
}
