// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

// UsualObjectives are those that are suggested, in percent, ascending.
var UsualObjectives = []float64{90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99, 99.995, 99.999}
