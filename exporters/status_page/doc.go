// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package status_page$/package statuspageexporter/" generated_component_test.go generated_package_test.go

// Package statuspageexporter is the status_page exporter: it shows the spans and log records of a pipeline to the
// status_page extension, which keeps the most recent ones for its search.
package statuspageexporter
