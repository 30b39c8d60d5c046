package observed

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Story is how long Live takes.
const Story = 60 * time.Second

// calm and trouble are the requests a second, before and while all goes wrong: trouble outweighs the calm before.
const (
	calm    = "8"
	trouble = 40
)

const (
	firstDeploy   = "1.1.0"
	neverDeployed = "1.2.0" // is announced some time into the story, and that is all
	announcement  = 5 * time.Second
)

// A step changes a service some time after the step before.
type step struct {
	after             time.Duration
	service, settings string
}

// story is a minute in the life of the shop: all is calm; payment is deployed and rolled back, and a canary of inventory is taken
// back; then a bad version of every service, beside the old one, brings errors, and slow answers spend the rest of all budgets.
var story = slices.Concat([]step{
	{6 * time.Second, "payment", `{"version": "` + firstDeploy + `"}`},
	{0, "inventory", `{"canary": {"version": "1.1.0-rc.1", "share": 0.3}}`},
	{9 * time.Second, "inventory", `{"canary": null}`},
	{0, "payment", `{"version": "1.0.0"}`},
	{7 * time.Second, "payment", `{"latency": "600ms", "errorRate": 0.3}`},
	{0, "inventory", `{"latency": "600ms", "errorRate": 0.1}`},
	{0, "frontend", `{"errorRate": 0.1}`},
	{0, "checkout", `{"errorRate": 0.2}`},
	{0, "mailer", `{"errorRate": 0.3}`},
}, everywhere(`{"canary": {"version": "2.0.0", "share": 0.4, "errorRate": 0.7}}`))

func everywhere(settings string) (changes []step) {
	for _, service := range []string{"frontend", "checkout", "payment", "inventory", "mailer"} {
		changes = append(changes, step{0, service, settings})
	}
	return changes
}

// live lives through the story. It returns while the trouble goes on.
func (s *Shop) live(ctx context.Context) error {
	end := time.After(Story)
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
	case <-end:
	}
	return ctx.Err()
}
