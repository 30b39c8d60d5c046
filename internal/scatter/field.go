// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import "github.com/otelcol-sre/otelcol-sre/internal/otlpwire"

// count returns how many data points a metric has.
func count(metric []byte) (points int, err error) {
	for len(metric) > 0 {
		f, rest, err := otlpwire.Next(metric)
		if err != nil {
			return 0, err
		}
		metric = rest
		if pointAttributes(f.Number) == 0 {
			continue
		}
		for data := f.Value; len(data) > 0; {
			point, rest, err := otlpwire.Next(data)
			if err != nil {
				return 0, err
			}
			data = rest
			if point.Number == otlpwire.DataPoints {
				points++
			}
		}
	}
	return points, nil
}
