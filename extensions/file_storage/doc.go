// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package file_storage$/package filestorage/" generated_component_test.go generated_package_test.go

// Package filestorage is contrib's file_storage extension, with the same keys and files, and two differences: a file that was cut
// off is set aside before the database maps it into memory, where reading behind its end would end the process (SIGBUS);
// and damage that shows while the collector runs is an error of the component that meets it, not a panic.
package filestorage
