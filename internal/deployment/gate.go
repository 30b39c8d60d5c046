// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Gate is what a gate for releases said of a deployment. The zero value says that none was asked.
type Gate struct {
	Verdict string // one of GateVerdicts
	Reason  string
	At      time.Time
}

// GateVerdicts are those of package gate.
var GateVerdicts = []string{"pass", "fail", "inconclusive"}

// maxReason is the length of a reason in bytes; what is longer is cut.
const maxReason = 300

// String is a part of a sentence, such as: verified: pass (1 of 5000 events failed).
func (g Gate) String() string {
	switch {
	case g.Verdict == "":
		return ""
	case g.Reason == "":
		return "verified: " + g.Verdict
	}
	return "verified: " + g.Verdict + " (" + g.Reason + ")"
}

func (g Gate) write(m pcommon.Map) {
	if g.Verdict == "" {
		return
	}
	m.PutStr(semconv.DeploymentGateVerdict, g.Verdict)
	if g.Reason != "" {
		m.PutStr(semconv.DeploymentGateReason, g.Reason)
	}
	if !g.At.IsZero() {
		m.PutStr(semconv.DeploymentGateTime, g.At.UTC().Format(time.RFC3339Nano))
	}
}

// read is the way back.
func (g *Gate) read(text func(key string) (string, error)) error {
	verdict, err := text(semconv.DeploymentGateVerdict)
	if err != nil || verdict == "" {
		return err
	}
	if !slices.Contains(GateVerdicts, verdict) {
		return fmt.Errorf("%s is %.60q; use one of %q", semconv.DeploymentGateVerdict, verdict, GateVerdicts)
	}
	reason, err := text(semconv.DeploymentGateReason)
	if err != nil {
		return err
	}
	at, err := text(semconv.DeploymentGateTime)
	if err != nil {
		return err
	}
	g.Verdict, g.Reason = verdict, cut(reason, maxReason)
	if at != "" {
		if g.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return fmt.Errorf("%s is %.60q; write it as 2006-01-02T15:04:05Z", semconv.DeploymentGateTime, at)
		}
	}
	return nil
}

// later is what was said later.
func (g Gate) later(other Gate) Gate {
	if cmp.Or(other.At.Compare(g.At), cmp.Compare(other.Verdict, g.Verdict)) > 0 {
		return other
	}
	return g
}
