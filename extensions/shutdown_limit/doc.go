// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package shutdown_limit$/package shutdownlimit/" generated_component_test.go generated_package_test.go

// Package shutdownlimit is the shutdown_limit extension: it ends the process when a shutdown takes too long.
//
// An exporter waits for the answer to a request before it stops, and some wait through all their retries: a backend that accepts requests and
// never answers would hold a collector up until it is killed. What stops before the exporters, counters and budgets among
// it, has saved its state by then; and what waits in queues on disk is there after the next start.
package shutdownlimit
