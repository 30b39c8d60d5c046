// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package newcomer does what somebody new does: it clones the repository and types the commands of docs/first-service.md.
package newcomer
