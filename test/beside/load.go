// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// A load is so many series, each with a sample every interval.
type load struct {
	series           int
	interval, length time.Duration
}

const (
	names = 20    // of metrics, half of them counters
	batch = 2_000 // points a request, of one service
)

// send sends every sample to every server, each first in turn, and returns how many each has.
func (l load) send(ctx context.Context, servers []*server) (samples int, err error) {
	began := time.Now()
	tick := time.NewTicker(l.interval)
	defer tick.Stop()
	for round := 0; time.Since(began) < l.length; round++ {
		now := time.Now()
		for first := 0; first < l.series; first += batch {
			body, err := l.request(now, round, first)
			if err != nil {
				return 0, err
			}
			for i := range servers {
				if err := servers[(round+i)%len(servers)].post(ctx, body); err != nil {
					return 0, err
				}
			}
		}
		samples += l.series
		if late := time.Since(now) - l.interval; late > 0 {
			return 0, fmt.Errorf("this machine needs %s more than the interval for the samples of one: take fewer series", late)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
	return samples, nil
}

// request is one service's points of a round, beginning with series number first.
func (l load) request(now time.Time, round, first int) ([]byte, error) {
	md := pmetric.NewMetrics()
	resource := md.ResourceMetrics().AppendEmpty()
	attributes := resource.Resource().Attributes()
	attributes.PutStr("service.name", fmt.Sprintf("service-%d", first/batch))
	attributes.PutStr("service.instance.id", fmt.Sprintf("instance-%d", first/batch))
	metrics := resource.ScopeMetrics().AppendEmpty().Metrics()
	end := min(first+batch, l.series)
	for name := range names {
		m := metrics.AppendEmpty()
		m.SetName(fmt.Sprintf("load.metric%d", name))
		var points pmetric.NumberDataPointSlice
		if name%2 == 0 {
			sum := m.SetEmptySum()
			sum.SetIsMonotonic(true)
			sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			points = sum.DataPoints()
		} else {
			points = m.SetEmptyGauge().DataPoints()
		}
		for i := first + name; i < end; i += names {
			p := points.AppendEmpty()
			p.SetTimestamp(pcommon.NewTimestampFromTime(now))
			p.SetDoubleValue(float64(round*(1+i%7)) + float64(i%3)*0.25)
			p.Attributes().PutStr("http.route", fmt.Sprintf("/route/%d", (i-first)/names/5))
			p.Attributes().PutStr("http.response.status_code", strconv.Itoa(200+100*((i-first)/names%5)))
		}
	}
	return pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
}

func (s *server) post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.otlp, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %.200s", s.name, response.Status, text)
	}
	return err
}
