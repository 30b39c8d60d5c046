// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/json"
	"math"
)

// Number is a float64 that is null in JSON when it is not one.
type Number float64

// MarshalJSON writes null for NaN and the infinities.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}
