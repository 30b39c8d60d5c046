// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An issuer is an OpenID Connect provider with one key: what discovery and verification ask of it.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func startIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i := &issuer{key: key}
	mux := http.NewServeMux()
	answer := func(path string, value func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			assert.NoError(t, json.NewEncoder(w).Encode(value()))
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}}
	})
	answer("/keys", func() any {
		return map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}}
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// token is one for the audience that is valid until then, signed by the key.
func (i *issuer) token(t *testing.T, audience string, until time.Time, key *rsa.PrivateKey) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"iss": i.URL, "sub": "checkout", "aud": audience, "exp": until.Unix(), "iat": time.Now().Add(-time.Hour).Unix()})
	require.NoError(t, err)
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// A service outside sends with a token of the issuer for this audience. All others are refused, and counted.
func TestOnlyTokensOfTheIssuerAreLetIn(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	c := prepareCollector(t, "standalone", writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99, sli: {availability: {}}}")}),
		"OTELCOL_SRE_OIDC_ISSUER="+i.URL, "OTELCOL_SRE_OIDC_AUDIENCE=telemetry")
	c.args = append(c.args, "--config", "builtin:oidc")
	c.start()
	send := func(authorization string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.otlpHTTP+"/v1/traces", strings.NewReader(`{}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		if authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	soon, over := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	refused := map[string]string{
		"no token": "", "no JWT": "Bearer x", "for others": "Bearer " + i.token(t, "others", soon, i.key),
		"over": "Bearer " + i.token(t, "telemetry", over, i.key), "signed by others": "Bearer " + i.token(t, "telemetry", soon, other),
	}
	for why, authorization := range refused {
		assert.Equal(t, http.StatusUnauthorized, send(authorization), why)
	}
	assert.Equal(t, http.StatusOK, send("Bearer "+i.token(t, "telemetry", soon, i.key)))
	var counted uint64
	for _, m := range c.own()["http_server_request_duration"].GetMetric() {
		if hasLabels(m, []string{"http_response_status_code", strconv.Itoa(http.StatusUnauthorized)}) {
			counted += m.GetHistogram().GetSampleCount()
		}
	}
	assert.EqualValues(t, len(refused), counted)
	c.stop()
}
