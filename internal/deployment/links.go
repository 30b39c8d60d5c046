// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"net/url"
	"regexp"
	"strings"
)

// CommitURL is the page of a commit, as GitHub, GitLab and Gitea have it; empty if the repository has no page.
func CommitURL(repository, revision string) string {
	return pageOf(repository, "/commit/", revision)
}

// CompareURL is the page of what has changed between two commits, or tags.
func CompareURL(repository, from, to string) string {
	if from == "" || to == "" || from == to {
		return ""
	}
	return pageOf(repository, "/compare/", from+"..."+to)
}

func pageOf(repository, kind, name string) string {
	u, err := url.Parse(repository)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || name == "" {
		return ""
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), ".git") + kind + url.PathEscape(name)
}

// ShortRevision is a commit as people write it: a hash has its first digits, other text stays.
func ShortRevision(revision string) string {
	if hash.MatchString(revision) {
		return revision[:10]
	}
	return revision
}

var hash = regexp.MustCompile(`^[0-9a-f]{40,64}$`)
