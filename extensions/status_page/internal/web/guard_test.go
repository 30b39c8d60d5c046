// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFailuresSayTheFix(t *testing.T) {
	v := silent(t)
	for url, status := range map[string]int{
		"/nothing": 404, "/?page=0": 400, "/?page=x": 400, "/?sort=size": 400, "/?size=100000": 400, "/?tier=9": 400,
		"/?q=" + strings.Repeat("a", 201): 400, "/?owner=%00": 400, "/?owner=%ff": 400, "/services/x": 404, "/runbooks/x/y": 404,
	} {
		resp := v.do(http.MethodGet, url, "Accept", "application/json")
		var body bytes.Buffer
		_, err := body.ReadFrom(resp.Body)
		require.NoError(t, err)
		require.Equal(t, status, resp.StatusCode, url)
		v.conforms(body.String(), "", "failure")
	}
}

func TestGuard(t *testing.T) {
	v := silent(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "TRACE"} {
		for _, url := range []string{"/", "/alerts", "/assets/live.js", "/nothing"} {
			resp := v.do(method, url)
			assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "%s %s", method, url)
			assert.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))
		}
	}
	assert.Equal(t, http.StatusOK, v.do(http.MethodHead, "/").StatusCode)
	assert.Equal(t, http.StatusRequestURITooLong, v.do(http.MethodGet, "/?q="+strings.Repeat("a", maxURL)).StatusCode)
	for _, url := range []string{"/", "/nothing", "/services", "/assets/style.css", "/openapi.json", "/runbooks/"} {
		header := v.do(http.MethodGet, url).Header
		assert.Equal(t, contentPolicy, header.Get("Content-Security-Policy"), url)
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), url)
		assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"), url)
	}
}

// remarks are comments, such as that which says where a library is from.
var remarks = regexp.MustCompile(`(?s)/\*.*?\*/`)

var scripts = regexp.MustCompile(`<script src="/assets/[a-z]+\.js"`)

// Nothing in a page is a script or a style of its own: the policy would refuse it.
func TestPagesObeyTheirPolicy(t *testing.T) {
	v := shop(t)
	for _, url := range []string{"/", "/services/checkout", "/alerts", "/deployments", "/services", "/collector", "/doctor", "/catalog", "/runbooks/", "/runbooks/checkout/ServiceSilent", "/search"} {
		page := v.page(url)
		assert.NotContains(t, page, " style=", url)
		assert.NotContains(t, page, "<style", url)
		assert.NotRegexp(t, ` on[a-z]+="`, page, url)
		assert.Equal(t, strings.Count(page, "<script"), strings.Count(page, `.js" defer></script>`), url)
		assert.Len(t, scripts.FindAllString(page, -1), map[bool]int{true: 3, false: 1}[url == "/services/checkout"], url)
		assert.NotContains(t, page, "ZgotmplZ", url)
		assert.Less(t, len(page), 200<<10, url)
	}
}

func TestAssets(t *testing.T) {
	v := silent(t)
	resp := v.do(http.MethodGet, "/assets/style.css")
	assert.Equal(t, "text/css; charset=utf-8", resp.Header.Get("Content-Type"))
	again := v.do(http.MethodGet, "/assets/style.css", "If-None-Match", resp.Header.Get("ETag"))
	assert.Equal(t, http.StatusNotModified, again.StatusCode)
	assert.Equal(t, http.StatusNotFound, v.do(http.MethodGet, "/assets/web.go").StatusCode)
	for _, name := range []string{"style.css", "live.js", "plots.js", "uplot.js", "uplot.css", "icon.svg"} {
		text, err := os.ReadFile(filepath.Join("assets", name))
		require.NoError(t, err)
		assert.NotRegexp(t, `https?://[^w]`, remarks.ReplaceAllString(string(text), ""), "%s loads nothing from elsewhere", name)
	}
}
