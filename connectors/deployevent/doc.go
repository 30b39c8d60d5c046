// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package deployevent is the deployevent connector: it finds deployments in the telemetry that services
// send anyway, merges them with the reports of pipelines and controllers, and emits log records and metrics of each.
//
// The tracker decides what happened (see [tracker]). A deployment_tracker extension owns it and saves it; the connector
// feeds it, asks it, and writes its answers.
package deployevent
