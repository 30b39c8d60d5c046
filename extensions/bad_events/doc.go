// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package bad_events$/package badevents/" generated_component_test.go generated_package_test.go

// Package badevents is the bad_events extension: a policy for the tail_sampling processor that keeps every trace in
// which the sli connector counts a bad event. Only the catalog knows which those are: an answer can be too slow for its
// SLO and look like any other.
//
// It is an extension because tail_sampling finds policies that are not its own among extensions.
package badevents
