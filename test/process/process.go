// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package process reads what the kernel accounts for a process, for tests and measurements.
package process

import (
	"time"

	"github.com/prometheus/procfs"
)

// ProcessorTime is what all threads of the process have taken so far, in steps of 10 ms.
func ProcessorTime(pid int) (time.Duration, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	stat, err := p.Stat()
	return time.Duration(stat.CPUTime() * float64(time.Second)), err
}

// Memory is the resident size of the process, now and at most, in bytes.
func Memory(pid int) (now, peak int64, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, 0, err
	}
	status, err := p.NewStatus()
	return int64(status.VmRSS), int64(status.VmHWM), err
}
