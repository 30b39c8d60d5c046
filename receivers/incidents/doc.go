// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package incidents is the incidents receiver: it gives the incidents that a status_page extension knows as events, for annotations and webhooks.
package incidents
