// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"net/url"
	"strings"
)

// FileName is the name of files and folders of a service with this slug: the slug itself. The loader rejects
// names that are not valid file names. If a service was not loaded, they are escaped.
func FileName(slug string) string {
	if strings.ContainsAny(slug, "/\\\x00") {
		return "_" + url.PathEscape(slug)
	}
	return neverEmpty(slug)
}

// PathSegment is a name as one segment of a URL's path: it has no slash, and is neither empty, nor . nor .. .
func PathSegment(name string) string { return url.PathEscape(neverEmpty(name)) }

func neverEmpty(name string) string {
	switch name {
	case "", ".", "..":
		return "_" + name
	}
	return name
}
