// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

// result is what became of a record.
type result string

const (
	nothing   result = "" // no annotation is asked for
	created   result = "created"
	updated   result = "updated"
	unchanged result = "unchanged"
	dropped   result = "dropped"
)
