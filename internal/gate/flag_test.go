// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// flagStore is a store whose versions are variants, and which knows when flags changed.
type flagStore struct {
	store
	changes []model.Metric // with their age as change_age
}

func (s *flagStore) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (m model.Matrix, err error) {
	if strings.HasPrefix(query, "change_time_seconds{") {
		s.queries = append(s.queries, query)
		for _, c := range s.changes {
			age, err := time.ParseDuration(string(c["change_age"]))
			if err != nil {
				return nil, err
			}
			value := model.SampleValue(now.Add(-age).Unix())
			m = append(m, &model.SampleStream{Metric: c, Values: []model.SamplePair{{Timestamp: model.TimeFromUnixNano(last.UnixNano()), Value: value}}})
		}
		return m, nil
	}
	m, err = s.store.Range(ctx, query, first, last, step)
	for _, series := range m {
		if variant, ok := series.Metric["service_version"]; ok && variant != "" {
			series.Metric["feature_flag_new_check"] = variant
		}
		series.Metric["service_version"] = "1" // the same for all variants
	}
	return m, err
}

func changeOf(service, age string) model.Metric {
	return model.Metric{"service_name": model.LabelValue(service), "service_namespace": "shop", "change_age": model.LabelValue(age)}
}

func flagQuestion(t *testing.T) Question {
	q := question(t, "")
	q.Flag = "new-check"
	return q
}

func TestVerdictsOnFlags(t *testing.T) {
	changed := []model.Metric{changeOf("checkout", "10m")}
	for name, test := range map[string]struct {
		flows    []flow
		changes  []model.Metric
		want     Verdict
		variant  string
		evidence string
		compared string
		reason   string
	}{
		"a bad variant for a tenth": {[]flow{of("off", hours, 0, 10, 0.01), of("on", ten, 0, 0.9, 0.1)}, changed, Fail, "on", ByVariant, VariantsBeside,
			`10 % of 600 events failed; the objective allows 1 %\. Of the variants beside it, 0\.0999 % of`},
		"a good variant for a tenth":               {[]flow{of("off", hours, 0, 10, 0.01), of("on", ten, 0, 1, 0.001)}, changed, Pass, "on", ByVariant, VariantsBeside, `the variant surely fails less`},
		"a good variant while all fail":            {[]flow{of("off", hours, ten, 10, 0.01), of("off", ten, 0, 9, 1), of("on", ten, 0, 9, 1)}, changed, Pass, "on", ByVariant, VariantsBeside, ``},
		"a bad variant for all":                    {[]flow{of("off", hours, ten, 10, 0.01), of("on", ten, 0, 9, 1)}, changed, Fail, "on", ByVariant, VariantsBefore, `Of the variants before it`},
		"a larger share":                           {[]flow{of("off", hours, 0, 5, 0.005), of("off", hours, ten, 4, 0.004), of("on", hours, 0, 0.9, 0.1), of("on", ten, 0, 3.6, 0.4)}, changed, Fail, "on", ByVariant, VariantsBeside, ``},
		"back to what is good":                     {[]flow{of("on", hours, ten, 9, 1), of("off", ten, 0, 10, 0.01)}, changed, Pass, "off", ByVariant, VariantsBefore, ``},
		"what does not ask for it is not compared": {[]flow{of("", hours, 0, 100, 0), of("off", hours, 0, 9, 1), of("on", ten, 0, 9, 1)}, changed, Pass, "on", ByVariant, VariantsBeside, ``},
		"no variant is counted":                    {[]flow{of("", hours, ten, 10, 0.01), of("", ten, 0, 9, 1)}, changed, Fail, "", ByTime, TimeBefore, `Of the events before the change, 0\.0999 % of .*whatever else changed then counts as its doing`},
		"nothing has become worse":                 {[]flow{of("", hours, 0, 10, 0.01)}, changed, Pass, "", ByTime, TimeBefore, `is compared with the time before`},
		"what is not by variant is not asked":      {[]flow{of("off", hours, 0, 10, 0.01), of("on", ten, 0, 1, 0.001), {"checkout", "other", "", hours, ten, 10, 0.01}, {"checkout", "other", "", ten, 0, 5, 5}}, changed, Pass, "on", ByVariant, VariantsBeside, ``},
		"a change of all services":                 {[]flow{of("", hours, ten, 10, 0.01), of("", ten, 0, 9, 1)}, []model.Metric{changeOf("", "10m")}, Fail, "", ByTime, TimeBefore, ``},
		"the newest change":                        {[]flow{of("", hours, ten, 9, 1), of("", ten, 0, 10, 0.01)}, []model.Metric{changeOf("checkout", "40m"), changeOf("checkout", "10m")}, Pass, "", ByTime, TimeBefore, ``},
		"of another service":                       {[]flow{of("", hours, 0, 9, 1)}, []model.Metric{changeOf("payment", "10m")}, Inconclusive, "", "", "", `^No change of the flag new-check is known within the last hour: say when it changed`},
		"long ago":                                 {[]flow{of("", hours, 0, 9, 1)}, []model.Metric{changeOf("checkout", "61m")}, Inconclusive, "", "", "", `^No change of the flag`},
	} {
		t.Run(name, func(t *testing.T) {
			s := &flagStore{store{flows: test.flows}, test.changes}
			q := flagQuestion(t)
			q.Service.SLOs = append(q.Service.SLOs, &catalog.SLO{Name: "other", Objective: 99})
			r, err := Ask(t.Context(), s, q)
			require.NoError(t, err)
			assert.Equal(t, test.want, r.Verdict, r.Reason)
			assert.Equal(t, test.variant, r.Variant)
			assert.Equal(t, test.evidence, r.Evidence)
			assert.Regexp(t, test.reason, r.Reason)
			assert.Empty(t, r.Version)
			if test.compared != "" {
				assert.Equal(t, test.compared, r.SLOs[0].Compared)
			}
		})
	}
}

func TestQuestionsAboutFlags(t *testing.T) {
	s := &flagStore{store{flows: []flow{of("off", hours, 0, 10, 0.01), of("blue", hours, 0, 5, 5), of("on", ten, 0, 0.9, 0.1)}}, nil}
	q := flagQuestion(t)
	q.Since, q.Variant = now.Add(-ten), "on"
	r, err := Ask(t.Context(), s, q)
	require.NoError(t, err)
	assert.NotEqual(t, Fail, r.Verdict, "half of what another variant does fails")
	assert.Equal(t, now.Add(-ten), r.Since)
	assert.NotContains(t, strings.Join(s.queries, "\n"), "change_time", "the time is given")
	q.Baseline = "off"
	r, err = Ask(t.Context(), s, q)
	require.NoError(t, err)
	assert.Equal(t, Fail, r.Verdict)
	q.Variant = "green"
	r, err = Ask(t.Context(), s, q)
	require.NoError(t, err)
	assert.Equal(t, Inconclusive, r.Verdict)
	assert.Regexp(t, `^Variant green has no events`, r.Reason)
	s.flows = nil
	q.Variant, q.Baseline = "", ""
	r, err = Ask(t.Context(), s, q)
	require.NoError(t, err)
	assert.Regexp(t, `^No SLO has events of the time after the change\. No SLO is counted by the variants`, r.Reason)
}
