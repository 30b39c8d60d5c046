// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package grafana_annotations$/package grafanaannotations/" generated_component_test.go generated_package_test.go

// Package grafanaannotations is the grafana_annotations exporter: it keeps one annotation in Grafana for each
// deployment, and one for each other log event that the configuration selects.
//
// Grafana's API has no idempotency key. So each annotation carries one as a tag, made from the record alone, and is
// looked up by it before it is written. What a record says is merged with what the annotation says already, by rules
// under which neither the order of records nor their repetition matters: see merge.
package grafanaannotations
