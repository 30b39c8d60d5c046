// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package change is what is known of a change that is no deployment (a feature flag, a configuration, a node pool, an
// incident), and how a log record says it.
package change

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Kind is what has changed. Its event is named change. and the kind.
type Kind string

const (
	// FeatureFlag is a flag that gives another variant, or to another share of those that ask.
	FeatureFlag Kind = "feature_flag"
	// Configuration is a ConfigMap or Secret, or what a tool syncs from a repository.
	Configuration Kind = "configuration"
	// Infrastructure is a node pool, a number of instances, or a job that changes a database.
	Infrastructure Kind = "infrastructure"
	// Incident is one that people or a tool have opened.
	Incident Kind = "incident"
	// Business is an event outside of the software, such as a campaign or the end of a service.
	Business Kind = "business"
)

// Kinds are all of them.
var Kinds = []Kind{FeatureFlag, Configuration, Infrastructure, Incident, Business}

// ParseKind refuses what is no kind.
func ParseKind(text string) (Kind, error) {
	if kind := Kind(text); slices.Contains(Kinds, kind) {
		return kind, nil
	}
	return "", fmt.Errorf("kind %.60q is not known; use one of %q", text, Kinds)
}

// Words is the kind for people.
func (k Kind) Words() string {
	switch k {
	case FeatureFlag:
		return "feature flag"
	case Business:
		return "business event"
	}
	return string(k)
}

// The statuses that a change with a duration has. Others have none.
const (
	Started   = "started"
	Completed = "completed"
	Failed    = "failed"
	Resolved  = "resolved"
)

// A Change is one change. What is not known is empty.
type Change struct {
	// Service is what the change is about. Without a name, it is about all services of the environment, or of all.
	deployment.Service
	// ID is the same for every report of this change.
	ID       string
	Kind     Kind
	Name     string // of what has changed: the flag, the ConfigMap
	Previous string // value before
	Value    string // value since
	Status   string
	Summary  string
	Actor    string
	URL      string
	Start    time.Time
	End      time.Time // zero while it lasts, and for what is a moment
	// Gate is what the SLOs say of it: of feature flags.
	Gate Gate
}

// A Gate is the verdict on a change: pass, fail or inconclusive, by which evidence, and why. The zero value is none.
type Gate struct {
	Verdict, Reason, Evidence string
	At                        time.Time
}

// The verdicts.
var verdicts = []string{"pass", "fail", "inconclusive"}

// Bounds of texts in bytes. What is longer is cut.
const (
	maxName    = 200
	maxValue   = 120
	maxSummary = 300
	maxURL     = 512
	maxReason  = 500
)

// texts are the fields with text from outside, and how long they may be.
func (c *Change) texts() [15]struct {
	text *string
	most int
} {
	return [...]struct {
		text *string
		most int
	}{
		{&c.Service.Name, maxName}, {&c.Namespace, maxName}, {&c.Environment, maxName}, {&c.Cluster, maxName}, {&c.Region, maxName}, {&c.Account, maxName},
		{&c.ID, maxName}, {&c.Name, maxName}, {&c.Previous, maxValue}, {&c.Value, maxValue}, {&c.Summary, maxSummary}, {&c.Actor, maxName}, {&c.URL, maxURL},
		{&c.Gate.Reason, maxReason}, {&c.Gate.Evidence, maxValue},
	}
}

// Bound makes all texts safe for labels and logs, and copies them: without control characters, and cut.
func (c *Change) Bound() {
	for _, one := range c.texts() {
		*one.text = bounded(*one.text, one.most)
	}
	if !strings.HasPrefix(c.URL, "https://") && !strings.HasPrefix(c.URL, "http://") {
		c.URL = ""
	}
	switch c.Status {
	case Started, Completed, Failed, Resolved:
	default:
		c.Status = ""
	}
	if !slices.Contains(verdicts, c.Gate.Verdict) {
		c.Gate = Gate{}
	}
}

// bounded is text without what cannot be printed, of at most so many bytes.
func bounded(text string, most int) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "") {
		if unicode.IsSpace(r) {
			r = ' '
		}
		if !unicode.IsPrint(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > most {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// NewID makes the ID of the n-th change (from 0) of what has the kind and the name: the same in every collector that has seen the
// same ones.
func NewID(s deployment.Service, kind Kind, name string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q %q %q %d", kind, name, s.Namespace, s.Name, s.Environment, s.Cluster, s.Region, s.Account, n))
	return hex.EncodeToString(sum[:8])
}

// Sentence is the change in words.
func (c *Change) Sentence() string {
	text := c.Kind.Words() + " " + c.Name
	switch {
	case c.Previous != "" && c.Value != "":
		text += ": " + c.Previous + " → " + c.Value
	case c.Value != "":
		text += ": " + c.Value
	}
	if c.Status != "" {
		text += " (" + c.Status + ")"
	}
	if c.Summary != "" {
		text += ": " + c.Summary
	}
	if c.Gate.Verdict != "" {
		text += "; verdict: " + c.Gate.Verdict
	}
	return text
}

// Compare orders changes by time.
func (c *Change) Compare(other *Change) int {
	return cmp.Or(c.Start.Compare(other.Start), cmp.Compare(c.ID, other.ID))
}

// Merge takes from other what is not known yet, and how it ended.
func (c *Change) Merge(other *Change) {
	for _, pair := range [...][2]*string{
		{&c.Previous, &other.Previous}, {&c.Value, &other.Value}, {&c.Summary, &other.Summary}, {&c.Actor, &other.Actor}, {&c.URL, &other.URL},
	} {
		if *pair[0] == "" {
			*pair[0] = *pair[1]
		}
	}
	if other.Status != "" && (c.Status == "" || c.Status == Started) {
		c.Status = other.Status
	}
	if c.End.IsZero() {
		c.End = other.End
	}
	if !other.Start.IsZero() && other.Start.Before(c.Start) {
		c.Start = other.Start
	}
}

// Bounded is a value from outside as it is kept.
func Bounded(value string) string { return bounded(value, maxValue) }
