// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package mtls is the mtls extension: TLS for a gRPC server. It counts refused clients by reason.
//
// gRPC's own server closes such a connection and tells nobody: an agent whose certificate is over is silent, and so is its
// gateway. Receivers take this extension as a middleware, in the place of their key tls.
package mtls
