// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package test holds the tests that need the built binary: real processes, real OpenTelemetry
// SDKs, restarts and kills. `make test-e2e` builds and runs them.
package test
