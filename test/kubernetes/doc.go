// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package kubernetes renders the manifests of deploy/ as kubectl, Kustomize and Helm do, and checks them: Kustomize and
// Helm give the same objects for the same choices, and those are what schemas and kube-score want. The package cluster has
// a real API server take them.
package kubernetes
