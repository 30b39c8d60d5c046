// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// An agent ends while its gateways are away, and is started again with another list. What clients had handed over arrives: after a normal stop, and with queues on
// disk, after a kill -9.
func TestAgentKeepsWhatItCouldNotSend(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fragments []string
		end       func(*collector)
	}{
		"a normal restart":       {nil, (*collector).stop},
		"a kill, queues on disk": {[]string{"--config", "builtin:agent-queue-on-disk"}, (*collector).kill},
	} {
		t.Run(name, func(t *testing.T) {
			const spans = 500
			catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", slos[0])})
			gateway := prepareCollector(t, "gateway", catalog)
			agent := prepareCollector(t, "agent", catalog, "OTELCOL_SRE_GATEWAY_INSECURE=true")
			agent.args = append(agent.args, test.fragments...)
			env := agent.env
			agent.env = slices.Concat(env, []string{"OTELCOL_SRE_GATEWAY=" + gateway.otlpGRPC + "," + freeAddress(t)})
			agent.start()
			provider := newTracerProvider(t, agent, "grpc", attribute.String("service.name", "checkout"))
			for range spans {
				_, span := provider.Tracer("test").Start(t.Context(), "request")
				span.End()
			}
			require.NoError(t, provider.Shutdown(t.Context()))
			test.end(agent)

			gateway.start()
			agent.env = slices.Concat(env, []string{"OTELCOL_SRE_GATEWAY=" + gateway.otlpGRPC})
			agent.start()
			assert.EventuallyWithT(t, func(t *assert.CollectT) {
				accepted, _ := sum(gateway.own(), "otelcol_receiver_accepted_spans")
				assert.EqualValues(t, spans, accepted)
			}, patience, 100*time.Millisecond)
			agent.stop()
			gateway.stop()
		})
	}
}
