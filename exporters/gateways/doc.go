// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package gateways is the gateways exporter: an agent sends what belongs together to one of several gateways.
package gateways
