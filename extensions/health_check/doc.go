// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package health_check$/package healthcheck/" generated_component_test.go generated_package_test.go

// Package healthcheck is the health_check extension: it says over HTTP whether the collector is ready. It takes the place of contrib's, answers
// the same, and has the authentication and the limits of every other listener.
package healthcheck
