// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/otelcol-sre/otelcol-sre/internal/doctor"
)

var ownMetrics = regexp.MustCompile(`^(` + doctor.OwnMetrics + `)(_total)?$`)

// Own reads the metrics of a collector about itself.
func Own(ctx context.Context, address string) ([]doctor.Sample, error) {
	client := &http.Client{Timeout: timeout}
	defer client.CloseIdleConnections()
	body, status, err := fetch(ctx, client, address, "text/plain;version=0.0.4")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("HTTP status %d", status)
	}
	if err != nil {
		return nil, errors.New(reason(err))
	}
	return samples(body)
}

// samples are those of an exposition that [doctor.Own] reads.
func samples(body []byte) (found []doctor.Sample, err error) {
	parser, err := textparse.New(body, "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{FallbackContentType: "text/plain"})
	if parser == nil {
		return nil, err
	}
	var series labels.Labels
	for {
		entry, err := parser.Next()
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, err
		case entry != textparse.EntrySeries:
			continue
		}
		_, _, value := parser.Series()
		parser.Labels(&series)
		name := series.Get(model.MetricNameLabel)
		if !ownMetrics.MatchString(name) {
			continue
		}
		sample := doctor.Sample{Name: name, Labels: map[string]string{}, Value: value}
		series.Range(func(l labels.Label) {
			if l.Name != model.MetricNameLabel {
				sample.Labels[l.Name] = l.Value
			}
		})
		found = append(found, sample)
	}
}
