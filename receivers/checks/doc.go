// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package checks is the checks receiver: it makes the synthetic checks of the catalog, and gives their results as spans and metrics.
package checks
