// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package file is contrib's file exporter, with the same keys, and one difference: it closes its file with the last of the signals
// that are written to it. Contrib's closes it with the first, and panics when another one has something to write after that, as
// trace_sampler and correlation have at shutdown.
package file
