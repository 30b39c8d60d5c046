// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package main

// withRaceDetector: replays run in one goroutine, and the race detector makes them ten times slower.
const withRaceDetector = true
