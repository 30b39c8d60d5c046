// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package server_limits$/package serverlimits/" generated_component_test.go generated_package_test.go

// Package serverlimits is the server_limits extension: a middleware for servers that receive telemetry.
//
// The servers' own keys bound the size of a request and the time for its headers. This adds what they lack: an answer that
// says why a request was refused and when to try again, and bounds on the time that a gRPC client may take.
package serverlimits
