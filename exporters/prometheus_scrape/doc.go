// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package prometheus_scrape$/package prometheusscrape/" generated_component_test.go generated_package_test.go

// Package prometheusscrape is the prometheus_scrape exporter: it serves the last value of each series where a Prometheus scrapes it.
package prometheusscrape
