// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

var windowVariable = regexp.MustCompile(`\{\{-?\s*\.window\s*-?\}\}`)

// RenderQuery replaces {{.window}} by a range: RenderQuery("rate(x[{{.window}}])", 5m)
// is rate(x[5m]).
func RenderQuery(query string, window time.Duration) string {
	return windowVariable.ReplaceAllLiteralString(query, FormatDuration(window))
}

var promQL = text("PromQL", maxText, nil, printable(true), checkQuery)

// checkQuery accepts queries that Prometheus can evaluate to numbers over any window.
func checkQuery(query string) (string, string) {
	message, fix := checkPromQL(RenderQuery(query, 5*time.Minute))
	if message == "" {
		message, fix = checkPromQL(RenderQuery(query, time.Hour)) // [{{.window}}s] is a range of 5ms, and of nothing in longer windows
	}
	if windowVariable.MatchString(query) {
		return message, fix
	}
	if message != "" {
		message = ", and " + message
	}
	return "does not use {{.window}}" + message, "write the range as [{{.window}}]: the rules evaluate it over several windows"
}

func checkPromQL(query string) (string, string) {
	if strings.Contains(query, "{{") {
		return "contains a template other than {{.window}}", "write its value"
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if extra := metricsQL(query); err != nil && extra != "" {
		return "uses " + extra + " of MetricsQL, which Prometheus does not have", "write it in PromQL, or record it with VictoriaMetrics' vmalert and read what is recorded"
	}
	if err != nil {
		return "is not PromQL: " + explain(err), "try it in Prometheus with 5m instead of {{.window}}"
	}
	if t := expr.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return fmt.Sprintf("gives a %s, not numbers", parser.DocumentedType(t)), "wrap it in sum(rate(…))"
	}
	return "", ""
}

// metricsQL is the first part of a query that only VictoriaMetrics understands, "" if there is none.
func metricsQL(query string) string {
	query = quotedText.ReplaceAllString(query, `""`)
	for _, m := range calledFunction.FindAllStringSubmatch(query, -1) {
		name := strings.ToLower(m[1])
		if _, known := parser.Functions[name]; !known && slices.Contains(metricsQLFunctions, name) {
			return "the function " + cut(m[1])
		}
	}
	for _, m := range metricsQLWord.FindAllStringSubmatch(query, -1) {
		return "the word " + cut(m[1])
	}
	return ""
}

var (
	quotedText     = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`")
	calledFunction = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)\s*\(`)
	metricsQLWord  = regexp.MustCompile(`(?i)(?:^|[\s)\]}])(default|if|ifnot|keep_metric_names|limit|with)(?:[\s(]|$)`)
)

// metricsQLFunctions are the functions that MetricsQL adds to those of PromQL.
var metricsQLFunctions = strings.Fields(`
	aggr_over_time ascent_over_time count_eq_over_time count_gt_over_time count_le_over_time count_ne_over_time
	count_values_over_time decreases_over_time default_rollup deriv_fast descent_over_time distinct_over_time
	duration_over_time first_over_time geomean_over_time histogram_over_time hoeffding_bound_lower
	hoeffding_bound_upper holt_winters idelta ideriv increase_prometheus increase_pure increases_over_time integrate
	lag lifetime mode_over_time outlier_iqr_over_time outliers_iqr outliers_mad outliersk range_over_time rate_over_sum rate_prometheus
	rollup rollup_candlestick rollup_delta rollup_deriv rollup_increase rollup_rate rollup_scrape_interval
	scrape_interval share_eq_over_time share_gt_over_time share_le_over_time sum2_over_time sum_eq_over_time
	sum_gt_over_time sum_le_over_time tfirst_over_time timestamp_with_name tlast_change_over_time tlast_over_time
	tmax_over_time tmin_over_time zscore_over_time bitmap_and bitmap_or bitmap_xor buckets_limit
	drop_empty_series end histogram_avg histogram_quantiles histogram_share interpolate keep_last_value
	keep_next_value limit_offset now prometheus_buckets rand rand_exponential rand_normal range_avg range_first range_last
	range_linear_regression range_mad range_max range_median range_min range_normalize range_quantile range_stddev
	range_stdvar range_sum range_trim_outliers range_trim_spikes range_trim_zscore range_zscore remove_resets ru
	running_avg running_max running_min running_sum smooth_exponential sort_by_label sort_by_label_desc
	sort_by_label_numeric sort_by_label_numeric_desc start step ttf union alias drop_common_labels label_copy label_del
	label_graphite_group label_keep label_lowercase label_map label_match label_mismatch label_move label_set
	label_transform label_uppercase label_value labels_equal any bottomk_avg bottomk_last bottomk_max bottomk_median
	bottomk_min distinct geomean histogram limitk mad median mode share sum2 topk_avg topk_last topk_max topk_median
	topk_min zscore median_over_time quantiles quantiles_over_time iqr_over_time`)
