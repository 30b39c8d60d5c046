// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/shirou/gopsutil/v4/process"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.40.0/httpconv"
	"go.opentelemetry.io/otel/semconv/v1.40.0/processconv"
)

// often is how often the runtime is asked: a demo is watched closely.
var often = runtime.WithMinimumReadMemStatsInterval(time.Second)

// observeProcess reports what the instance's process uses: memory, goroutines and time of processors. All
// instances are in one process, so all report the same; requests in progress are each instance's own.
func (in *instance) observeProcess() error {
	self, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return fmt.Errorf("the shop's own process: %w", err)
	}
	seconds, cpuErr := processconv.NewCPUTime(in.meter)
	_, callbackErr := in.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		used, err := self.TimesWithContext(ctx)
		if err != nil {
			return err
		}
		o.ObserveFloat64(seconds.Inst(), used.User, metric.WithAttributes(seconds.AttrCPUMode(processconv.CPUModeUser)))
		o.ObserveFloat64(seconds.Inst(), used.System, metric.WithAttributes(seconds.AttrCPUMode(processconv.CPUModeSystem)))
		return nil
	}, seconds.Inst())
	in.active, err = httpconv.NewServerActiveRequests(in.meter)
	return errors.Join(cpuErr, callbackErr, err, runtime.Start(runtime.WithMeterProvider(in.telemetry.metrics), often))
}

// limitMemory sets a memory limit if GOMEMLIMIT does not: the share in use is only defined with a limit.
func limitMemory() {
	const enough = 256 << 20
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(enough)
	}
}
