// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path"
	"path/filepath"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

var (
	jaeger = gotool.Module{
		Path: "github.com/jaegertracing/jaeger", Version: "v1.76.0", // the second line of Jaeger, in spite of its number
		Sum: "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=", GoModSum: "h1:hqcuJlLDTv7G2x5eFd/BhwcPdLxj3N+90aKhIzdOcKo=",
	}
	victoriaMetrics = gotool.Module{
		Path: "github.com/VictoriaMetrics/VictoriaMetrics", Version: "v1.151.0",
		Sum: "h1:Svzb/7gPYbzmQnvLjab8h1Jl9olB76mokDE7ykvF/ro=", GoModSum: "h1:Mp7qEBDOXwP50gC93cF8wJmaGjTFSJP2WA6dRtMI7qU=",
	}
	victoriaLogs = gotool.Module{
		Path: "github.com/VictoriaMetrics/VictoriaLogs", Version: "v1.52.1",
		Sum: "h1:B83xu4usTNPrpsFZFH/Dei3nWIsQizIeSRghFxj4ZJo=", GoModSum: "h1:9amsNePTgBtfYKe53UDCGcSQdEnkpfVmRd8puouqCb0=",
	}
	alertmanager = gotool.Module{ // the last release that has the assets of its page
		Path: "github.com/prometheus/alertmanager", Version: "v0.31.1",
		Sum: "h1:eAmIC42lzbWslHkMt693T36qdxfyZULswiHr681YS3Q=", GoModSum: "h1:zWPQwhbLt2ybee8rL921UONeQ59Oncash+m/hGP17tU=",
	}
)

// foreign are the programs of others, by the folder of their module. Prometheus is built with the versions in go.mod.
var foreign = []struct {
	module gotool.Module
	folder string
}{
	{victoriaMetrics, "app/victoria-metrics"}, {victoriaMetrics, "app/vmalert"}, {victoriaLogs, "app/victoria-logs"},
	{jaeger, "cmd/jaeger"}, {alertmanager, "cmd/alertmanager"},
}

// build returns the paths of the programs by name. What is in the repository's cache is not built again: the first time takes
// some ten minutes of two processors.
func build() (programs map[string]string, err error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return nil, err
	}
	programs = map[string]string{"otelcol-sre": filepath.Join(bin, "otelcol-sre"), "shop": filepath.Join(bin, "shop")}
	if programs["prometheus"], err = gotool.Build("github.com/prometheus/prometheus/cmd/prometheus"); err != nil {
		return nil, err
	}
	for _, f := range foreign {
		if programs[path.Base(f.folder)], err = gotool.BuildOf(f.module, f.folder); err != nil {
			return nil, err
		}
	}
	return programs, nil
}
