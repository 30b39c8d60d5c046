// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// mdatagen names the package of the tests it writes after the folder.
//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package service_catalog$/package servicecatalog/" generated_component_test.go generated_package_test.go

// Package servicecatalog is the service_catalog extension: it loads the service catalog,
// keeps watch over its folders and shares one catalog with every component that needs it.
//
// A component finds it with [Find] and follows it with [Source.Subscribe]. A catalog
// with errors never replaces one in use: a typo must not stop the counting of SLOs.
package servicecatalog
