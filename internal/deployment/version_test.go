// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const commit = "2222a22aaaabbbbccccddddeeeeffff000011112"

func TestWaysToWriteOneVersion(t *testing.T) {
	for _, ways := range [][]string{
		{"1.4.2", "v1.4.2", "V1.4.2", "release-1.4.2", "release/1.4.2", "release-v1.4.2", "refs/tags/v1.4.2", "1.4.2+build.7", "checkout-v1.4.2",
			"checkout/v1.4.2", "@shop/checkout@1.4.2", "registry.example.com:5000/shop/checkout:1.4.2", "v1.4.2-0-g2222a22", "1.4.2.RELEASE", "1.4.2_build.7"},
		{"1.4.2-rc.1", "1.4.2rc1", "v1.4.2-RC1", "1.4.2-rc-1"},
		{"1.4.2+build.7", "1.4.2_build.7", "1.4.2-build.7", "v1.4.2+build7"},
		{commit, commit[:7], commit[:12], "sha-" + commit, "sha-" + commit[:7], "git-" + commit[:8], "g" + commit[:7], "main-" + commit[:7], "1.4.2-14-g" + commit[:7], "1.4.2-" + commit[:7], "1.4.2+" + commit[:10]},
		{"v1.4.2-14-g2222222", "1.4.2-14-g2222222aaaa", "2222222aa"},
		{"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "reg.example.com/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			"sha256:0123456789ab", "reg.example.com/web:3.1.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
		{"3.1.0", "reg.example.com/web:3.1.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
		{"2024.11.21", "v2024.11.21"}, {"2222222aaaabbbb", "2222222"}, {"2222222", "2222222aaaabbbbccccddddeeeeffff000011112"},
	} {
		first := ParseVersion(ways[0], "checkout")
		for _, way := range ways {
			other := ParseVersion(way, "checkout")
			require.True(t, first.Same(other) && other.Same(first), "%s and %s: %+v, %+v", ways[0], way, first, other)
		}
	}
}

func TestVersionsThatDiffer(t *testing.T) {
	for _, two := range [][2]string{
		{"1.4.2", "1.4.3"}, {"v1.4.2", "v1.4.20"}, {"1.4", "1.4.0"}, {"1.4.2", "1.4.2-rc.1"}, {"1.4.2", "1.4.2-14-g2222222"}, {"1.4.2-1", "1.4.21"},
		{"1.4.2+build.7", "1.4.2+build.8"}, {"1.4.2+2222222a", "1.4.2+3333333a"}, {"1.4.2-2222222a", "1.4.2"}, {"1.4.2-2222222a", "1.4.3-2222222a"},
		{"2222222a", "2222223a"}, {"222222a", "2222223a"}, {"22222a", "22222ab"}, {"20241121", "2024112"}, {"1000000", "10000001"}, {"defaced", "defacedd"},
		{"main-2222222a-1", "main-2222222a-2"}, {"2222222a", "2222222a-dirty"}, {"1.4.2", "1.4.2-dirty"}, {"v1", "v2"}, {"v1", "v10"}, {"blue", "green"}, {"5d7f9c6b8", "5d7f9c6b9"},
		{"sha256:0123456789abcdef", "sha256:0123456789abcdee"}, {"checkout-v1.4.2", "payment-v1.4.2"}, {"vbeta", "beta"},
	} {
		a, b := ParseVersion(two[0], "checkout"), ParseVersion(two[1], "checkout")
		require.False(t, a.Same(b) || b.Same(a), "%s and %s: %+v, %+v", two[0], two[1], a, b)
	}
}

func TestVersionsThatSayNothing(t *testing.T) {
	for _, text := range []string{"", " ", "latest", "LATEST", "dev", "unknown", "0.0.0", "v0.0.0", "1.0.0-SNAPSHOT", "0.0.1-SNAPSHOT", "unspecified", "(devel)", "${project.version}", "@project.version@", "%VERSION%", "{{ .Version }}", "$VERSION", "<none>"} {
		require.True(t, SaysNothing(text), text)
	}
	for _, text := range []string{"1.0.0", "2.1.0-SNAPSHOT", "0.0.1", "v1", "deadbeef", "main-2222222", "latest-2222222", "@shop/checkout@1.4.2", commit} {
		require.False(t, SaysNothing(text), text)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { SaysNothing("1.0.0-SNAPSHOT") }))
}

func TestVersionsAreWrittenAlike(t *testing.T) {
	for _, c := range [][3]string{
		{"v1.4.2", "1.4.1", "1.4.2"}, {"1.4.2", "v1.4.1", "v1.4.2"}, {"refs/tags/v1.4.2", "1.4.1", "1.4.2"}, {"checkout-v1.4.2", "1.4.1", "1.4.2"},
		{commit, "3333333", commit[:7]}, {commit, "sha-3333333a", "sha-" + commit[:8]}, {commit[:7], commit, commit[:7]}, {"refs/tags/v1.4.2", "5d7f9c", "v1.4.2"}, {"v1.4.2", "", "v1.4.2"}, {"v2", "v1", "v2"},
		{"1.4.2-RC1", "v1.4.1", "v1.4.2-RC1"},
	} {
		require.Equal(t, c[2], ParseVersion(c[0], "checkout").Like(ParseVersion(c[1], "checkout")), c)
	}
}

func TestNamesOfVersions(t *testing.T) {
	name := func(text string) string { return ParseVersion(text, "checkout").Name() }
	require.Equal(t, "sha256:0123456789ab", name("web@sha256:0123456789abcdef0123456789abcdef"))
	require.Equal(t, "v1.4.2", name("v1.4.2"))
	better := func(a, b string) bool { return ParseVersion(a, "").Better(ParseVersion(b, "")) }
	require.True(t, better("1.4.2", commit))
	require.True(t, better(commit, "sha256:0123456789abcdef"))
	require.False(t, better("1.4.2", "v1.4.2"))
}

func FuzzParseVersion(f *testing.F) {
	for _, text := range []string{"v1.4.2-14-g2222222-dirty", "registry:5000/a/b:1@sha256:0123456789abcdef", "sha-" + commit, "1.4.2_build.7", "İ-1.0", "@@", "-g"} {
		f.Add(text, "1.4.1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, w := ParseVersion(a, "checkout"), ParseVersion(b, "checkout")
		require.Equal(t, v.Same(w), w.Same(v))
		require.True(t, v.Same(v))
		_, _, _ = v.Like(w), v.Name(), v.Comparable(w)
		SaysNothing(a)
	})
}
