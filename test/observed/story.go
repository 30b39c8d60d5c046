package observed

import (
	"context"
	"fmt"
	"time"
)

// Live is a minute in the life of the shop: all is calm, payment is deployed, a canary of inventory is taken
// back, and a bad version of every service brings errors and slow answers that spend all budgets. It
// returns while the trouble goes on.
func (s *Shop) Live(ctx context.Context) error {
	all := func(settings string) (changes []step) {
		for _, service := range ShopServices {
			changes = append(changes, step{0, service, settings})
		}
		return changes
	}
	story := []step{
		{8 * time.Second, "payment", `{"version": "1.1.0"}`},
		{0, "inventory", `{"canary": {"version": "1.1.0-rc.1", "share": 0.3}}`},
		{10 * time.Second, "inventory", `{"canary": null}`},
		{4 * time.Second, "payment", `{"version": "1.0.0"}`},
	}
	story = append(story, all(`{"canary": {"version": "2.0.0", "share": 0.4, "errorRate": 0.6}}`)...)
	story = append(story,
		step{0, "payment", `{"latency": "600ms", "errorRate": 0.3}`},
		step{0, "inventory", `{"latency": "600ms", "errorRate": 0.1}`},
		step{0, "frontend", `{"errorRate": 0.1}`},
		step{0, "checkout", `{"errorRate": 0.2}`},
		step{0, "mailer", `{"errorRate": 0.5}`},
	)
	for _, next := range story {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(next.after):
		}
		if err := s.Change(ctx, next.service, next.settings); err != nil {
			return fmt.Errorf("%s: %w", next.service, err)
		}
	}
	if err := s.Load(ctx, trouble); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(30 * time.Second):
	}
	return ctx.Err()
}

// trouble is the requests a second while all goes wrong: it outweighs the calm before.
const trouble = 40

// A step changes a service some time after the step before.
type step struct {
	after             time.Duration
	service, settings string
}

// Quickly is a collector's argument: it decides in seconds what became of a deployment.
const Quickly = "yaml:connectors: {deployevent: {confirm: 1s, settle: 4s, canary_after: 5s, instance_timeout: 6s}, span_metrics: {metrics_flush_interval: 2s}, service_graph: {metrics_flush_interval: 2s}}"
