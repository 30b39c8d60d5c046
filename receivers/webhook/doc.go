// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package webhook is the webhook receiver: it takes what forges, feature-flag services and deployment tools send to a URL, checks that it is theirs, and passes on each body
// as a log record, in which deployevent finds deployments and other changes.
package webhook
