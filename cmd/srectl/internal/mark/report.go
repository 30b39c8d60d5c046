// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// EndpointUsage is the help of the flag that overrides the environment's endpoint.
const EndpointUsage = "address of the collector that takes OTLP, as https://host:port; default: OTEL_EXPORTER_OTLP_ENDPOINT or http://localhost:4318"

// A Reporter sends events for other commands, to the target of the standard variables.
type Reporter struct {
	marker
}

// NewReporter connects to the endpoint, or to that of the environment. What it has to say goes to the log.
func NewReporter(version, endpoint string, timeout time.Duration, log io.Writer) (*Reporter, error) {
	target, err := newTarget(endpoint, os.Getenv)
	if err != nil {
		return nil, err
	}
	sender, err := target.sender()
	if err != nil {
		return nil, err
	}
	return &Reporter{marker{version: version, sender: sender, timeout: timeout, now: time.Now, out: log, errOut: log}}, nil
}

// Report sends an event of a deployment. What fails is in the log, too.
func (r *Reporter) Report(ctx context.Context, d deployment.Deployment) error {
	err := r.mark(ctx, d)
	if err != nil && !errors.Is(err, exit.ErrNotOK) { // which has been said
		_, _ = fmt.Fprintf(r.errOut, "srectl: not reported: %s\n", terminal.Printable(err.Error(), maxSentence))
	}
	return err
}

// Close ends the connection.
func (r *Reporter) Close() { r.sender.close() }

// Change sends an event of a change that is no deployment. What cannot be sent is in the log.
func (r *Reporter) Change(ctx context.Context, c change.Change) {
	scope := pcommon.NewInstrumentationScope()
	scope.SetName("srectl")
	scope.SetVersion(r.version)
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	sentence := terminal.Printable(c.Sentence(), maxSentence)
	if _, err := r.sender.send(ctx, change.Events([]change.Change{c}, scope, r.now())); err != nil {
		_, _ = fmt.Fprintf(r.errOut, "srectl: not accepted: %s: %s\n", sentence, terminal.Printable(err.Error(), maxSentence))
		return
	}
	_, _ = fmt.Fprintln(r.out, "accepted: "+sentence) // the log is only for people
}
