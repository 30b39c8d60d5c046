// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import "runtime/debug"

// prometheusVersion is that of the Prometheus module in this binary.
func prometheusVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/prometheus/prometheus" {
				return module.Version
			}
		}
	}
	return "unknown"
}
