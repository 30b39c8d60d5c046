// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package prometheus_store$/package prometheusstore/" generated_component_test.go generated_package_test.go

// Package prometheusstore is the prometheus_store exporter: Prometheus' own storage, rule manager, notifier and HTTP
// API inside the collector, for a laptop, a demo, a namespace that has no Prometheus yet, or an incident in which
// the monitoring is down.
//
// What Prometheus does is done by Prometheus' packages. What is here is what lies between them and the collector: OTLP
// in (ingest.go), opening a folder whatever state it is in (database.go), rule files of which one may be bad
// (rulefiles.go), and the API behind the collector's own server settings (api.go).
package prometheusstore
