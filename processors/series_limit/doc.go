// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package series_limit$/package serieslimit/" generated_component_test.go generated_package_test.go

// Package serieslimit is the series_limit processor: it bounds how many series the metrics of a service make in Prometheus, and lets no two metrics have
// one name there.
//
// It is apart from admission because the sli connector, which is between them, reads metrics as they were sent.
package serieslimit
