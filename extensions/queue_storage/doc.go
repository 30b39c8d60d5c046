// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package queue_storage$/package queuestorage/" generated_component_test.go generated_package_test.go

// Package queuestorage is the queue_storage extension: a storage for queues of exporters, which are written once, read once in the same order and
// then deleted. It appends to files and removes each file when nothing in it is needed any more, where a database writes pages of a tree several times.
//
// An append is given to the kernel before it is acknowledged, so a kill -9 loses nothing.
package queuestorage
