// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"slices"
	"strings"
)

// A Version is what one way of writing a version says. Forges, registries and services write the same version in
// different ways: v1.4.2, 1.4.2, release-1.4.2; a commit in full and in short; sha-1234abc.
type Version struct {
	text   string // as it was written
	prefix string // text before the version that says nothing
	number string // 1.4.2, 1.4.2-rc1, 1.4.2-14 for 14 commits later
	build  string // build metadata
	commit string // hex digits
	maybe  string // hex digits that may be a commit: all of them numbers, or all letters
	digest string // of an image: hex digits
	rest   string // what is written beside a commit
	dirty  bool   // not all was committed
	// before says that the commit is in the place of a pre-release: 1.4.2-1234abc is not 1.4.2.
	before bool
}

const (
	// leastCommit is the shortest abbreviation of a commit: git's default.
	leastCommit = 7
	// leastDigest is the shortest abbreviation of an image's digest: that of docker.
	leastDigest = 12
)

// silent are words for no version, in lower case, and what build tools write if nobody sets one.
var silent = []string{
	"", "-", "0.0.0", "0.0.0-dev", "0.0.0-development", "0.0.0-snapshot", "0.0.0-unknown", "0.0.1-snapshot", "0.1.0-snapshot",
	"1.0-snapshot", "1.0.0-snapshot", "(devel)", "(none)", "alpha", "beta", "current", "debug", "default", "dev", "devel", "develop",
	"development", "edge", "head", "latest", "local", "main", "master", "n/a", "na", "nightly", "nil", "none", "null", "prod",
	"production", "release", "snapshot", "stable", "staging", "tbd", "test", "testing", "todo", "trunk", "undefined", "unknown",
	"unknown-version", "unset", "unspecified", "unversioned", "version",
}

// SaysNothing reports whether the text tells no version from another: it is a word for none, a tag that moves, the
// default of a build tool, or a placeholder that nothing filled in.
func SaysNothing(text string) bool {
	if isNumber(text) { // as most are
		return false
	}
	if len(text) > 20 && !strings.ContainsAny(text, "{$@%<") {
		return false
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return true
	}
	switch text[0] {
	case '$', '{', '<':
		return true
	case '@', '%':
		return len(text) > 1 && text[len(text)-1] == text[0]
	case 'v', 'V':
		if len(text) > 1 && isDigit(text[1]) {
			text = text[1:]
		}
	}
	_, found := slices.BinarySearchFunc(sortedSilent, text, compareFold)
	return found
}

// isNumber is a quick look at a text that begins like a version and is none of the words: those begin with a letter, a
// zero, or end as a snapshot.
func isNumber(text string) bool {
	if len(text) > 1 && text[0] == 'v' {
		text = text[1:]
	}
	return text != "" && text[0] >= '1' && text[0] <= '9' && text[len(text)-1]|0x20 != 't'
}

var sortedSilent = slices.Sorted(slices.Values(silent))

// compareFold compares a text in lower case with any other.
func compareFold(lower, text string) int {
	for i := 0; i < len(lower) && i < len(text); i++ {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if lower[i] != c {
			return int(lower[i]) - int(c)
		}
	}
	return len(lower) - len(text)
}

// ParseVersion reads a version of the service, in any of the ways. It may begin with the name of the service, as in
// the tags of a repository with several services.
func ParseVersion(text, service string) Version {
	v := Version{text: text}
	body := strings.ToLower(strings.TrimSpace(text))
	if image, digest, ok := strings.Cut(body, "sha256:"); ok && isHex(digest, leastDigest) {
		v.digest, body = digest, strings.TrimSuffix(image, "@")
		if body == "" {
			return v
		}
	}
	whole := len(body)
	body = body[strings.LastIndexByte(body, '/')+1:]
	body = body[strings.LastIndexByte(body, ':')+1:]
	if i := strings.LastIndexByte(body, '@'); i >= 0 {
		body = body[i+1:]
	}
	if rest, ok := strings.CutPrefix(body, strings.ToLower(service)); ok && service != "" && rest != "" && strings.ContainsRune("-_", rune(rest[0])) {
		body = rest[1:]
	}
	for _, word := range []string{"release-", "release_", "rel-", "version-", "tag-"} {
		body = strings.TrimPrefix(body, word)
	}
	if len(body) > 1 && body[0] == 'v' && isDigit(body[1]) {
		body = body[1:]
	}
	for _, suffix := range []string{"-dirty", "+dirty", ".dirty"} {
		if cut, ok := strings.CutSuffix(body, suffix); ok {
			body, v.dirty = cut, true
		}
	}
	if whole == len(strings.TrimSpace(text)) && !v.dirty && v.digest == "" {
		v.prefix = strings.TrimSpace(text)[:whole-len(body)]
	}
	v.read(body)
	return v
}

// read reads what is left without the prefix.
func (v *Version) read(body string) {
	if commit := commitIn(body); commit != "" {
		v.commit = commit
		return
	}
	if isHex(body, leastCommit) && len(body) <= 64 {
		v.maybe = body
		return
	}
	if base, more, ok := cutLast(body, "-g"); ok && isHex(more, 4) { // git describe
		if base, n, ok := cutLast(base, "-"); ok && isNumeric(n) {
			v.commit = more
			if v.number = numberOf(base); n != "0" {
				v.number += "-" + n
			}
			return
		}
	}
	if body != "" && isDigit(body[0]) && strings.Contains(body, ".") {
		body, build, found := strings.Cut(body, "+")
		if !found { // a tag of an image cannot have a plus
			body, build, _ = strings.Cut(body, "_")
		}
		v.commit, _ = commitAmong(build)
		v.build = plain(build)
		if dash := strings.IndexByte(body, '-'); v.commit == "" && dash >= 0 {
			if v.commit, _ = commitAmong(body[dash+1:]); v.commit != "" {
				v.number, v.before = numberOf(body[:dash]), true
				return
			}
		}
		v.number = numberOf(body)
		return
	}
	v.commit, v.rest = commitAmong(body)
}

// numberOf writes a number in one way: 1.4.2rc1, 1.4.2-rc.1 and 1.4.2-RC1 are one, and so are 1.4.2.RELEASE and 1.4.2.
func numberOf(text string) string {
	end := 0
	for end < len(text) && (isDigit(text[end]) || text[end] == '.') {
		end++
	}
	core, more := strings.TrimRight(text[:end], "."), plain(strings.Trim(text[end:], "-._"))
	switch more {
	case "", "final", "release", "ga":
		return core
	}
	return core + "-" + more
}

// plain drops the separators between letters and digits, and writes the others as one.
func plain(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c == '.' || c == '_' || c == '-' {
			if i == 0 || i+1 == len(text) || isDigit(text[i-1]) != isDigit(text[i+1]) {
				continue
			}
			c = '-'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// commitIn is the commit that the whole text is: hex digits with a letter among them, or as many as a full commit has, or
// those that a prefix calls one.
func commitIn(text string) string {
	for _, word := range []string{"sha-", "sha_", "sha.", "git-", "git_", "git.", "commit-", "rev-", "g"} {
		if rest, ok := strings.CutPrefix(text, word); ok && isHex(rest, leastCommit) {
			return rest
		}
	}
	if !isHex(text, leastCommit) || len(text) > 64 {
		return ""
	}
	full := len(text) == 40 || len(text) == 64
	digits := strings.ContainsAny(text, "0123456789")
	letters := strings.ContainsAny(text, "abcdef")
	if !full && (!digits || !letters) { // a date, a build number, or a word such as defaced
		return ""
	}
	return text
}

// commitAmong is the commit among the parts of the text, and what else there is.
func commitAmong(text string) (commit, rest string) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '.' || r == '_' || r == '+' })
	var others []string
	for i, part := range parts {
		found := commitIn(part)
		if found == "" && i > 0 && isHex(part, leastCommit) && slices.Contains([]string{"sha", "git", "commit"}, parts[i-1]) {
			found = part
		}
		if found == "" || commit != "" {
			others = append(others, part)
			continue
		}
		commit = found
	}
	if commit == "" {
		return "", ""
	}
	return commit, strings.Join(others, "-")
}

// Same reports whether both are one version. It errs on the side of two: what one of them leaves out is no difference,
// what both say must agree.
func (v Version) Same(other Version) bool {
	if v.text == other.text {
		return true
	}
	if v.dirty != other.dirty {
		return false
	}
	agree := func(a, b string) bool { return a == "" || b == "" || a == b }
	switch {
	case v.digest != "" && other.digest != "":
		return isPrefix(v.digest, other.digest)
	case v.commit != "" && other.commit != "":
		return isPrefix(v.commit, other.commit) && agree(v.number, other.number) && agree(v.rest, other.rest)
	case v.maybe != "" && other.commit != "":
		return isPrefix(v.maybe, other.commit) && other.number == "" && other.rest == ""
	case v.commit != "" && other.maybe != "":
		return other.Same(v)
	case v.number == "" || other.number == "" || v.before || other.before:
		return false
	case v.number == other.number:
		return agree(v.build, other.build)
	}
	return v.build != other.build && v.joined() == other.joined() // a plus that a registry had to take for a dash
}

func (v Version) joined() string {
	if v.build == "" {
		return v.number
	}
	return v.number + "-" + v.build
}

// Comparable reports whether both are of one kind, so that they are two versions if they are not the same.
func (v Version) Comparable(other Version) bool {
	commit, otherCommit := cmp.Or(v.commit, v.maybe), cmp.Or(other.commit, other.maybe)
	return v.number != "" && other.number != "" || commit != "" && otherCommit != "" || v.digest != "" && other.digest != "" ||
		v.kind() == other.kind()
}

// Of reports whether the version names the commit.
func (v Version) Of(commit string) bool {
	commit = strings.ToLower(commit)
	named := cmp.Or(v.commit, v.maybe)
	return named != "" && isHex(commit, leastCommit) && isPrefix(named, commit)
}

// Contradicts reports whether the version names another commit.
func (v Version) Contradicts(commit string) bool {
	return v.commit != "" && isHex(strings.ToLower(commit), leastCommit) && !v.Of(commit)
}

// kind orders what people like to read: a number, then words, a commit, a digest.
func (v Version) kind() int {
	switch {
	case v.number != "" && !v.dirty:
		return 0
	case v.commit != "":
		return 2
	case v.digest != "":
		return 3
	}
	return 1
}

// Better reports whether people would rather read this one.
func (v Version) Better(other Version) bool { return v.kind() < other.kind() }

// Like writes the version as the other one is written: with or without a v, as short a commit.
func (v Version) Like(other Version) string {
	text := strings.TrimSpace(v.text)
	switch body := text[len(v.prefix):]; {
	case v.digest != "" || v.dirty:
		return text
	case v.number != "" && other.number != "" && (v.commit == "") == (other.commit == ""):
		return other.prefix + body
	case v.number == "" && v.rest == "" && other.number == "" && other.rest == "" && v.commit != "":
		commit := cmp.Or(other.commit, other.maybe)
		if i := strings.Index(strings.ToLower(other.text), commit); commit != "" && i >= 0 && len(v.commit) > len(commit) {
			return other.text[:i] + v.commit[:len(commit)]
		}
	}
	return strings.TrimPrefix(text, "refs/tags/")
}

// Name is how the version is shown: a digest in short.
func (v Version) Name() string {
	if v.digest != "" && v.number == "" && v.commit == "" {
		return "sha256:" + v.digest[:leastDigest]
	}
	return v.text
}

// isPrefix reports whether the shorter of two is a prefix of the other.
func isPrefix(a, b string) bool {
	n := min(len(a), len(b))
	return a[:n] == b[:n]
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNumeric(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func isHex(text string, least int) bool {
	return len(text) >= least && strings.Trim(text, "0123456789abcdef") == ""
}

// Text is the version as it was written.
func (v Version) Text() string { return v.text }

// SameCommit reports whether one is an abbreviation of the other.
func SameCommit(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a != "" && a == b || isHex(a, leastCommit) && isHex(b, leastCommit) && isPrefix(a, b)
}
