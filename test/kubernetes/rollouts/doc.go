// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package rollouts has Argo Rollouts' and Flagger's own code evaluate what srectl generates for them. That code is built with the versions of its own project.
package rollouts
