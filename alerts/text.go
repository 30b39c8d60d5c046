// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// literal escapes text for a Prometheus template, which expands to the text. Each brace
// is quoted, so that text and templates can be joined in any order.
func literal(text string) string { return strings.ReplaceAll(clean(text), "{", `{{"{"}}`) }

// oneLine makes line breaks and runs of spaces one space: an annotation may end up in the
// subject of a message.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// inEnvironment is the part of a sentence that names the environment, if the series has one.
const inEnvironment = `{{ with $labels.deployment_environment_name }} in {{ . }}{{ end }}`

func tier(s *catalog.Service) string { return strconv.Itoa(s.Tier) }

func duration(d time.Duration) model.Duration { return model.Duration(d) }

// digits is the precision of decimals: enough for every threshold, too little for the rounding errors
// of binary fractions.
const digits = 12

// decimal writes a number as people do: 0.001 and 14.4, never 0.0009999999999999432.
func decimal(f float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', digits, 64), 64)
	if err != nil {
		rounded = f
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// product is a × b in decimals.
func product(a, b float64) string {
	x, okX := new(big.Rat).SetString(decimal(a))
	y, okY := new(big.Rat).SetString(decimal(b))
	if !okX || !okY {
		return decimal(a * b)
	}
	f, _ := x.Mul(x, y).Float64()
	return decimal(f)
}

// percent writes a share in percent.
func percent(share float64) string { return product(share, 100) + " %" }

// percentOf writes a share, given in decimals, in percent.
func percentOf(share string) string {
	f, err := strconv.ParseFloat(share, 64)
	if err != nil {
		return share
	}
	return percent(f)
}

// clean is a name as a label value or a literal of PromQL: valid UTF-8, as the loader already ensures
// for what it has checked.
func clean(name string) string { return strings.ToValidUTF8(name, "?") }
