// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
)

// readChange reads the record of a change that is no deployment. Without change.id it has one made from what it says, so that the record
// sent again means the same change.
func readChange(resource pcommon.Map, record plog.LogRecord) (*change.Change, error) {
	c, err := change.Read(resource, record)
	if err != nil {
		return nil, err
	}
	c.Start, c.End = c.Start.Truncate(time.Millisecond), c.End.Truncate(time.Millisecond)
	if c.End.Before(c.Start) {
		c.End = c.Start
	}
	if !plausible(c.Start) || !plausible(c.End) {
		return nil, errors.New("timestamp is missing or in another century; set the present time")
	}
	if c.ID == "" {
		c.ID = change.NewID(c.Service, c.Kind, c.Name, int(c.Start.UnixMilli()))
	}
	return c, nil
}

// ofChange is the annotation of a change. Each event has all that is known, so it replaces the present one.
func ofChange(c *change.Change, config *Config) *annotation {
	b := newText("<b>" + escape(c.Kind.Words(), maxValue) + "</b> " + escape(c.Name, maxValue))
	switch {
	case c.Previous != "":
		b.part(fmt.Sprintf("%s → %s", escape(c.Previous, maxValue), escape(c.Value, maxValue)))
	case c.Value != "":
		b.part(escape(c.Value, maxValue))
	}
	b.part(escape(c.Status, maxValue))
	b.part(escape(c.Summary, maxValue))
	if c.Gate.Verdict != "" {
		b.part("verdict: " + c.Gate.Verdict)
	}
	if c.URL != "" {
		b.part(link(c.URL, "details"))
	}
	if c.Actor != "" {
		b.part("by " + escape(c.Actor, maxValue))
	}
	return &annotation{Time: c.Start.UnixMilli(), TimeEnd: c.End.UnixMilli(), Tags: changeTags(c, config.Tags), Text: b.String()}
}
