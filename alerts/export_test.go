// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import "slices"

// CanHold reports whether the alert fires in a story.
func CanHold(a Alert) bool {
	return slices.ContainsFunc(stories, func(s story) bool {
		s.length = s.checks[len(s.checks)-1]
		return slices.Contains(s.forecast(a, s.length).fires, true)
	})
}
