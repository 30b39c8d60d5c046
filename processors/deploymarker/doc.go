// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package deploymarker is the deploymarker processor: it says on the telemetry of a service which
// deployment it comes from, so that an error in the log names the deploy, and what is new can be sampled and searched.
//
// It knows nothing itself: it asks the tracker of the deployment_tracker extension, which a deployevent connector feeds.
package deploymarker
