// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanatest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// call makes a request and returns the status and the answer.
func call(g *Grafana, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestCreateFindPatchDelete(t *testing.T) {
	g := New("x")
	status, answer := call(g, "POST", "/api/annotations", `{"time":1000,"timeEnd":500,"tags":[" a : b :c","a:b","d"],"text":"one"}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"id":1,"message":"Annotation added"}`, answer)
	require.Equal(t, []Annotation{{ID: 1, Time: 500, TimeEnd: 1000, Tags: []string{"a:b", "d"}, Text: "one"}}, g.Annotations())
	_, answer = call(g, "POST", "/api/annotations", `{"time":2000,"tags":["d"],"text":"two"}`)
	require.Contains(t, answer, `"id":2`)
	g.Add(Annotation{Time: 1, TimeEnd: 1, AlertID: 7, Tags: []string{"d"}})

	for query, want := range map[string][]int64{
		"":                              {2, 1, 3},
		"?tags=d":                       {2, 1, 3},
		"?tags=d&type=annotation":       {2, 1},
		"?type=alert":                   {3},
		"?tags=d&tags=a:b":              {1},
		"?tags=a":                       {1},
		"?tags=a:x":                     {},
		"?tags=A:b":                     {},
		"?limit=1":                      {2},
		"?limit=0&tags=d&type=anything": {2, 1, 3},
	} {
		status, answer = call(g, "GET", "/api/annotations"+query, "")
		require.Equal(t, 200, status)
		var found []Annotation
		require.NoError(t, json.Unmarshal([]byte(answer), &found))
		ids := []int64{}
		for _, a := range found {
			ids = append(ids, a.ID)
		}
		require.Equal(t, want, ids, query)
	}

	status, answer = call(g, "PATCH", "/api/annotations/1", `{"timeEnd":3000}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"Annotation patched"}`, answer)
	require.Equal(t, Annotation{ID: 1, Time: 500, TimeEnd: 3000, Tags: []string{"a:b", "d"}, Text: "one"}, g.Annotations()[0])
	_, answer = call(g, "DELETE", "/api/annotations/1", "")
	require.JSONEq(t, `{"message":"Annotation deleted"}`, answer)
	require.Len(t, g.Annotations(), 2)
	require.Equal(t, Request{"POST", 200}, g.Requests()[0])
	require.Empty(t, g.Requests())
}

func TestRefusals(t *testing.T) {
	g := New("x")
	g.Add(Annotation{Time: 1, TimeEnd: 1})
	for _, test := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"POST", "/api/annotations", `{`, 400, "bad request data"},
		{"POST", "/api/annotations", `{"time":1}`, 400, "Failed to save annotation"},
		{"POST", "/api/annotations", `{"text":"x","tags":["` + strings.Repeat("x", 101) + `"]}`, 500, "Failed to save annotation"},
		{"POST", "/api/annotations", `{"text":"x","tags":["` + strings.Repeat(`xx","`, 200) + `"]}`, 200, "Annotation added"},
		{"PATCH", "/api/annotations/1", `{"tags":["` + strings.Repeat(`xx","`, 200) + `"]}`, 400, "tags length (1004) exceeds the maximum allowed (500)"},
		{"PATCH", "/api/annotations/1", `[]`, 400, "bad request data"},
		{"PATCH", "/api/annotations/9", `{}`, 404, "Annotation not found"},
		{"PATCH", "/api/annotations/x", `{}`, 400, "annotationId is invalid"},
		{"GET", "/api/annotations/1", ``, 404, "Not found"},
		{"GET", "/api/annotationsx", ``, 404, "Not found"},
		{"GET", "/", ``, 404, "Not found"},
	} {
		status, answer := call(g, test.method, test.path, test.body)
		require.Equal(t, test.status, status, "%+v: %s", test, answer)
		require.Contains(t, answer, test.message)
	}
	g.ReadOnly = true
	status, _ := call(g, "DELETE", "/api/annotations/1", "")
	require.Equal(t, 403, status)
	g.Token = "another"
	status, _ = call(g, "GET", "/api/annotations", "")
	require.Equal(t, 401, status)
}

func TestFaults(t *testing.T) {
	g := New("x")
	fault := &Fault{Status: 429, Header: http.Header{"Retry-After": {"1"}}, Late: true}
	g.Intercept(func(*http.Request) *Fault { return fault })
	status, answer := call(g, "POST", "/api/annotations", `{"text":"x"}`)
	require.Equal(t, 429, status)
	require.JSONEq(t, `{"message":"Internal server error"}`, answer)
	require.Len(t, g.Annotations(), 1)
	fault.Status = 0
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { call(g, "GET", "/api/annotations", "") })
}
