// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// mdatagen names the package of the tests it writes after the folder.
//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package deployment_tracker$/package deploymenttracker/" generated_component_test.go generated_package_test.go

// Package deploymenttracker is the deployment_tracker extension: it owns the tracker of deployments and keeps its
// state across restarts.
//
// Components find it with [Find]. The deployevent connector calls [Source.Claim] and feeds the tracker; the deploymarker
// processor asks it. How the tracker decides is documented in [tracker].
package deploymenttracker
