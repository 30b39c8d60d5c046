// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package own_metrics$/package ownmetrics/" generated_component_test.go generated_package_test.go

// Package ownmetrics is the own_metrics extension: it serves the collector's own metrics for Prometheus, with the authentication and the limits of
// every other listener.
package ownmetrics
