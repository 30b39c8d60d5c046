// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

// CanHold tells that the alert can fire in a story.
func CanHold(a Alert) bool { return kindOf(a).holds != nil }
