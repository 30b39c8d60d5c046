// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package test

import "os/exec"

func runAsUser(*exec.Cmd) bool { return false }
