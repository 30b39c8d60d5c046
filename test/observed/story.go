// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"fmt"
	"time"
)

// Story is how long Live takes.
const Story = 64 * time.Second

// calm and trouble are the requests a second, before and while all goes wrong: trouble outweighs the calm before.
const (
	calm    = "8"
	trouble = 40
)

const (
	firstDeploy   = "1.1.0"
	neverDeployed = "1.2.0" // is announced, and that is all
	announcement  = 5 * time.Second

	badVersion = `{"canary": {"version": "2.0.0", "share": 0.4, "errorRate": 0.7}}`
)

// A step changes a service some time after the step before.
type step struct {
	after             time.Duration
	service, settings string
}

// story is a minute in the life of the shop: all is calm; payment is deployed and rolled back, and a canary of inventory is taken
// back; then a bad version of every service, beside the old one, brings errors, and soon the old ones are no better and slow.
var story = []step{
	{6 * time.Second, "payment", `{"version": "` + firstDeploy + `"}`},
	{0, "inventory", `{"canary": {"version": "1.1.0-rc.1", "share": 0.3}}`},
	{13 * time.Second, "inventory", `{"canary": null}`},
	{0, "payment", `{"version": "1.0.0"}`},
	{6 * time.Second, "mailer", badVersion},
	{0, "frontend", badVersion},
	{0, "checkout", badVersion},
	{0, "payment", badVersion},
	{0, "inventory", badVersion},
	{3 * time.Second, "payment", `{"latency": "600ms", "errorRate": 0.3}`},
	{0, "inventory", `{"latency": "600ms", "errorRate": 0.1}`},
	{0, "frontend", `{"errorRate": 0.1}`},
	{0, "checkout", `{"errorRate": 0.2}`},
	{0, "mailer", `{"errorRate": 0.3}`},
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
