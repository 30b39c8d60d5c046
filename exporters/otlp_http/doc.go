// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package otlp_http$/package otlphttp/" generated_component_test.go generated_package_test.go
//go:generate sed -i "/exporter.xexporter/d" generated_component_test.go

// Package otlphttp is the otlp_http exporter: the Collector's own, with the same keys, that encodes a request once. What it queues, on disk too, is
// what it sends (see internal/encoded).
package otlphttp
