// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// An exporter sends one request and gives the answer. The clients of the SDK are not used: they
// take a request for accepted of which the collector has rejected all records.
type exporter interface {
	export(ctx context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error)
	close()
}

// A sender retries until the collector has accepted the events, or rejected them permanently.
type sender struct {
	exporter
	// secrets are the headers' values: a server's answer may repeat them.
	secrets []string
	// wait waits, less if the context ends.
	wait func(context.Context, time.Duration) error
}

// sender connects to the target. It does not yet send anything.
func (t *target) sender() (*sender, error) {
	s := &sender{wait: wait}
	for _, header := range t.headers {
		s.secrets = append(s.secrets, header[1])
		if _, token, ok := strings.Cut(header[1], " "); ok { // Bearer and Basic
			s.secrets = append(s.secrets, token)
		}
	}
	var err error
	if t.protocol == protocolGRPC {
		s.exporter, err = newGRPCExporter(t)
	} else {
		s.exporter = newHTTPExporter(t)
	}
	return s, err
}

// errTransient is worth another try.
type errTransient struct {
	error
	after time.Duration // that the server asks for
}

func (e errTransient) Unwrap() error { return e.error }

const (
	firstWait = 500 * time.Millisecond
	maxWait   = 5 * time.Second
)

// send returns the collector's message about accepted events.
func (s *sender) send(ctx context.Context, logs plog.Logs) (remark string, err error) {
	request := plogotlp.NewExportRequestFromLogs(logs)
	pause := firstWait
	var reason error
	for {
		response, err := s.export(ctx, request)
		if err == nil {
			partial := response.PartialSuccess()
			if partial.RejectedLogRecords() != 0 {
				return "", s.redacted(fmt.Errorf("rejected by the collector: %s", partial.ErrorMessage()))
			}
			return s.redacted(errors.New(partial.ErrorMessage())).Error(), nil
		}
		var transient errTransient
		if !errors.As(err, &transient) {
			return "", s.redacted(err)
		}
		if reason == nil || ctx.Err() == nil { // that time is over says less than what came before
			reason = err
		}
		next := max(transient.after, pause/2+rand.N(pause/2))
		if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(deadline) < next || s.wait(ctx, next) != nil {
			return "", fmt.Errorf("%w (raise --timeout to retry longer)", s.redacted(reason))
		}
		pause = min(2*pause, maxWait)
	}
}

func (s *sender) redacted(err error) error {
	text := err.Error()
	for _, secret := range s.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return errors.New(text)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
