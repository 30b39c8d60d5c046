// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package otlp is the otlp receiver. Its keys are those of the Collector's own, and so is what it accepts.
//
// It is not the Collector's own receiver because that one opens its ports itself. What has to happen between a port and a server has
// no place there: to bound the connections, and to tell by the first bytes which protocol a client speaks, so that OTLP over HTTP
// that comes to the port for gRPC is served, or refused with a reason, in place of an error that says nothing.
package otlp
