// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package rollouts has Argo Rollouts' and Flagger's own code evaluate what srectl generates for them. That code is built from modules of its own, in argo and
// flagger, whose versions of Kubernetes' modules are those of the projects.
package rollouts
