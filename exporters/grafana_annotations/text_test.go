// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

func TestTags(t *testing.T) {
	for name, test := range map[string]struct{ got, want string }{
		"plain":      {pairTag("version", "1.2.3"), "version:1.2.3"},
		"empty":      {pairTag("version", " "), ""},
		"colon":      {pairTag("version", "sha256:ab:c"), "version:sha256_ab_c"},
		"spaces":     {pairTag("version", "  a b  "), "version:a b"},
		"control":    {pairTag("version", "a\x1b[2J\n\u202eb"), "version:a[2Jb"},
		"not UTF-8":  {pairTag("version", "a\xffb"), "version:a\ufffdb"},
		"long":       {pairTag("version", strings.Repeat("x", 200)), "version:" + strings.Repeat("x", 92)},
		"long runes": {pairTag("version", strings.Repeat("é", 200)), "version:" + strings.Repeat("é", 46)},
		"cut space":  {pairTag("version", strings.Repeat("x", 91)+" y"), "version:" + strings.Repeat("x", 91)},
		"id":         {idTag("deploy_id", "abc"), "deploy_id:abc"},
	} {
		require.Equal(t, test.want, test.got, name)
	}
	long := strings.Repeat("x", 200)
	ids := map[string]bool{}
	for _, id := range []string{"a:b", "a_b", "a:b:c", long, long + "y", " a_b", "a\x00_b"} {
		tag := idTag(keyDeployID, id)
		require.False(t, ids[tag], "%q is like another", id)
		require.LessOrEqual(t, len(tag), maxTag)
		ids[tag] = true
	}
}

func TestTagsWithinTheLimit(t *testing.T) {
	long := strings.Repeat("x", 200)
	d := &deployment.Deployment{ID: long, Status: deployment.RolledBack, Version: long,
		Service: deployment.Service{Name: long, Namespace: long, Environment: long}}
	tags := deploymentTags(d, []string{"one", "deploy", "two"})
	require.Equal(t, []string{tagDeploy, idTag(keyDeployID, long), "status:rolled_back", pairTag(keyService, long),
		pairTag(keyEnvironment, long), pairTag(keyVersion, long), pairTag(keyNamespace, long), "one"}, tags, "two has no room")
}

func TestText(t *testing.T) {
	d := &deployment.Deployment{
		Service: deployment.Service{Name: "<script>", Environment: "a&b"}, ID: "7", Version: `"1"`, Previous: "'0'", Status: deployment.Failed,
		Start: noon, End: noon.Add(90 * time.Second), Revision: "v1/x", Branch: "main", Repository: "https://user:pw@git.example.com/a/b.git?x#y",
		Compare: `https://git.example.com/?a="><script>`, Change: "42", Pipeline: "build", RunID: "9", RunURL: "javascript:alert(1)",
		Actor: "al\x1bice\n\tx\u202e", Configuration: "c0ffee",
	}
	links := &Links{Dashboard: "https://grafana.example.com/d/{service}?e={environment}&n={namespace}&v={version}&i={id}"}
	require.Equal(t, strings.Join([]string{
		`<b>&lt;script&gt;</b> &#34;1&#34; in a&amp;b: deployment failed after 1m30s (before: &#39;0&#39;)` +
			`<br>commit <a href="https://git.example.com/a/b/commit/v1%2Fx" target="_blank">v1/x</a>`,
		`on main`,
		`<a href="https://git.example.com/?a=&#34;&gt;&lt;script&gt;" target="_blank">compare</a>`,
		`change 42`, `pipeline build 9`, `configuration c0ffee`,
		`<a href="https://grafana.example.com/d/%3Cscript%3E?e=a%26b&amp;n=&amp;v=%221%22&amp;i=7" target="_blank">dashboard</a>`,
		`by alice  x`,
	}, " · "), deploymentText(d, links))

	verified := &deployment.Deployment{Service: deployment.Service{Name: "x"}, Status: deployment.Canary, Gate: deployment.Gate{Verdict: "fail", Reason: "<b> 4 of 5"}}
	require.Equal(t, "<b>x</b>: canary<br>verified: fail (&lt;b&gt; 4 of 5)", deploymentText(verified, &Links{}))
	require.Contains(t, deploymentTags(verified, nil), "gate:fail")
	require.Equal(t, "<b>x</b>: canary", deploymentText(&deployment.Deployment{Service: deployment.Service{Name: "x"}, Status: deployment.Canary}, &Links{}))
	require.Equal(t, `<b>x</b>: rolled back<br><a href="http://ci/1" target="_blank">pipeline run</a>`, deploymentText(&deployment.Deployment{
		Service: deployment.Service{Name: "x"}, Status: deployment.RolledBack, RunURL: "http://ci/1", Compare: "git@x:y"}, &Links{}))
	require.Equal(t, `<b>x</b> 9.0 at eu: deployment started and has 50 % of the traffic (before: 8.0)<br>resolves SHOP-7`, deploymentText(&deployment.Deployment{
		Service: deployment.Service{Name: "x", Place: deployment.Place{Cluster: "eu"}}, Version: "9.0", Previous: "8.0", Status: deployment.Started, Adoption: 50, Tickets: "SHOP-7"}, &Links{}))
	worse := deployment.Effect{SLO: "<availability>", Times: 4, Low: 2.5, High: 6.6, Spent: 8 * 3600}
	d = &deployment.Deployment{Service: deployment.Service{Name: "x"}, Status: deployment.Completed, Actor: "ada", Effect: worse}
	require.Equal(t, `<b>x</b>: deployment complete<br>&lt;availability&gt; failed 4 times as often (2.5 to 6.6), which cost 8h0m of the budget · by ada`, deploymentText(d, &Links{}))
	require.Contains(t, deploymentTags(d, nil), "verdict:worse")
	for _, address := range []string{"", "x", "http:", "http:x", "//x/y", "ftp://x", "JavaScript:x", "https://x/ y", "https://x/\u202e", "https://x/\x00", "https://x/" + strings.Repeat("y", maxURL)} {
		require.Equal(t, "label", link(address, "label"), address)
	}
}

func TestMerge(t *testing.T) {
	at := func(status deployment.Status, start, end int) *deployment.Deployment {
		d := deploy("one", "1", start)
		if d.Status = status; status.Over() {
			d.End = noon.Add(time.Duration(end) * time.Minute)
		}
		return &d
	}
	for name, test := range map[string]struct{ a, b, want *deployment.Deployment }{
		"further":                         {at(deployment.Started, 1, 0), at(deployment.Canary, 2, 0), at(deployment.Canary, 1, 0)},
		"over":                            {at(deployment.Canary, 2, 0), at(deployment.Completed, 1, 5), at(deployment.Completed, 1, 5)},
		"the end is the latest":           {at(deployment.Completed, 1, 5), at(deployment.Completed, 1, 6), at(deployment.Completed, 1, 6)},
		"the later end wins":              {at(deployment.Failed, 1, 5), at(deployment.Completed, 1, 6), at(deployment.Completed, 1, 6)},
		"rolled back in the end":          {at(deployment.Completed, 1, 5), at(deployment.RolledBack, 1, 60), at(deployment.RolledBack, 1, 60)},
		"at the same time the worse wins": {at(deployment.RolledBack, 1, 5), at(deployment.Completed, 1, 5), at(deployment.RolledBack, 1, 5)},
	} {
		require.Equal(t, *test.want, merge(test.a, test.b), name)
		require.Equal(t, *test.want, merge(test.b, test.a), name)
	}
}

// markup is all that the exporter writes by itself.
var markup = regexp.MustCompile(`</?b>|<br>|<a href="https?://[^"<>' ]+" target="_blank">|</a>`)
var entity = regexp.MustCompile(`&(lt|gt|amp|#34|#39);`)

func requireSafe(t *testing.T, text string) {
	require.LessOrEqual(t, len(text), maxText)
	require.True(t, utf8.ValidString(text))
	rest := entity.ReplaceAllString(markup.ReplaceAllString(text, ""), "")
	require.False(t, strings.ContainsAny(rest, "<>\"'&"), "%q", text)
	require.False(t, strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", text)
}

func FuzzDeployment(f *testing.F) {
	f.Add("checkout", "1.0", "https://git.example.com/x", "abc", "https://ci.example.com", "id")
	f.Add("<b>", "\"'&", "https://a/\"><script>", "\x00\u202e", "javascript:alert(1)", "a:b")
	f.Add("a\xff", "\xff:", "https://a\x9b/", "\xe2\x80", "https://ci.e\x9bample.com", "\xff")
	f.Add("x", "y", "hTTps://x", "z", "httPs://ci.example.com", "i")
	f.Add(strings.Repeat("<", 600), strings.Repeat("é", 600), "http://"+strings.Repeat("&", 400), strings.Repeat(":", 300), "http://x/?'", strings.Repeat("i", 300))
	f.Fuzz(func(t *testing.T, a, b, c, d, e, id string) {
		for _, status := range deployment.Statuses {
			x := &deployment.Deployment{
				Service: deployment.Service{Name: a, Namespace: b, Environment: d}, ID: id, Version: b, Previous: d, Status: status,
				Start: noon, End: noon.Add(time.Minute), Revision: d, Branch: b, Repository: c, Compare: e, Change: a,
				Pipeline: a, RunID: b, RunURL: e, Actor: d, Configuration: a, Gate: deployment.Gate{Verdict: a, Reason: b},
			}
			requireSafe(t, deploymentText(x, &Links{Dashboard: "https://g/d/{service}?v={version}&e={environment}&n={namespace}&i={id}"}))
			size := 2
			tags := deploymentTags(x, nil)
			require.Equal(t, tags, deploymentTags(x, nil))
			for _, tag := range tags {
				size += len(tag) + 3
				require.LessOrEqual(t, len(tag), maxTag)
				require.LessOrEqual(t, strings.Count(tag, ":"), 1)
				require.Equal(t, strings.TrimSpace(tag), tag)
				require.False(t, strings.ContainsFunc(tag, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", tag)
			}
			require.LessOrEqual(t, size, maxTags)
			require.Equal(t, idTag(keyDeployID, id), tags[1])
		}
		shown := escape(a, maxValue)
		require.LessOrEqual(t, len(shown), maxValue)
		require.Equal(t, shown, escape(html.UnescapeString(shown), maxValue), "escaped once")
	})
}
