// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// reason says why the verdict is what it is. worst is the SLO with the most evidence against the version.
func (r *Result) reason(worst int) string {
	burning := r.burned()
	if r.Evidence == ByTime {
		burning = join(burning, "No SLO is counted by the variants of the flag, so the time after the change is compared with the time before: whatever else changed then counts as its doing.")
	}
	switch r.Verdict {
	case Fail:
		return join(r.SLOs[worst].against(), burning)
	case Pass:
		counted := 0
		for i := range r.SLOs {
			if !r.SLOs[i].Idle {
				counted++
			}
		}
		return join(fmt.Sprintf("Of %s, the %s surely fails less than %d times as often as the objective allows, or less than %d times as often as the others.", plural(counted, "SLO"), r.kind(), Harm, Harm), burning)
	}
	for i := range r.SLOs {
		s := &r.SLOs[i]
		switch {
		case s.Idle || s.Verdict == Pass:
			continue
		case s.Events == 0:
			return join(join(r.subject()+" has no events of the SLO "+s.name()+" yet.", strings.TrimSpace(r.others)), burning)
		case s.Excused > 0 && float64(s.Share) > float64(s.Allowed):
			return join(fmt.Sprintf("%s of the events of %s failed, but a dependency failed at the time of %s of the %s.", percent(s.Share), s.name(), figure(s.Excused), plural(whole(s.Events), "event")), burning)
		case s.More.Known():
			return join(fmt.Sprintf("%s has too little evidence: %s of %s failed; about %s more, if it goes on like this, are enough.", s.name(), figure(s.Bad), plural(whole(s.Events), "event"), plural(int(s.More), "event")), burning)
		default:
			return join(fmt.Sprintf("%s fails more often than the objective allows, but it is not certain that the %s is the cause: %s of %s failed.%s", s.name(), r.kind(), figure(s.Bad), plural(whole(s.Events), "event"), s.beside()), burning)
		}
	}
	return join(join("No SLO has events of "+strings.ToLower(r.subject()[:1])+r.subject()[1:]+".", strings.TrimSpace(r.others)), burning)
}

// kind is what is judged.
func (r *Result) kind() string {
	if r.Flag != "" {
		return "variant"
	}
	return "version"
}

// subject is what is judged, at the beginning of a sentence.
func (r *Result) subject() string {
	switch {
	case r.Flag == "":
		return "Version " + r.Version
	case r.Variant == "":
		return "The time after the change"
	}
	return "Variant " + r.Variant
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }

func (s *SLO) name() string {
	if s.Environment == "" {
		return s.Name
	}
	return s.Name + " (" + s.Environment + ")"
}

// against is the case against the version.
func (s *SLO) against() string {
	if s.Compared == "" {
		return fmt.Sprintf("%s: %s of %s failed, at least %s; the objective allows %s, and there is no other version to compare with.",
			s.name(), percent(s.Share), plural(whole(s.Events), "event"), percent(s.Low), percent(s.Allowed))
	}
	return fmt.Sprintf("%s: %s of %s failed; the objective allows %s.%s", s.name(), percent(s.Share), plural(whole(s.Events), "event"), percent(s.Allowed), s.beside())
}

func (s *SLO) beside() string {
	if s.Compared == "" {
		return ""
	}
	text := fmt.Sprintf(" Of the %s, %s of %s failed", s.Compared, percent(s.OtherShare), plural(whole(s.OtherEvents), "event"))
	if s.Times.Known() && s.TimesLow.Known() {
		text += fmt.Sprintf(": %s times as often, at least %s times", figure(s.Times), figure(s.TimesLow))
	}
	return text + "."
}

// burned names the dependencies that failed.
func (r *Result) burned() string {
	if len(r.Burning) == 0 {
		return ""
	}
	var all []string
	for _, d := range r.Burning {
		all = append(all, d.Service+" for "+(time.Duration(d.Seconds)*time.Second).String())
	}
	return "What the " + r.kind() + " did while what it depends on failed does not count against it, unless other versions ran beside it: " + strings.Join(all, ", ") + "."
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func whole(n Number) int { return int(math.Round(float64(n))) }

func figure(n Number) string {
	if n >= 100 {
		return strconv.FormatFloat(float64(n), 'f', 0, 64)
	}
	return strconv.FormatFloat(float64(n), 'g', 3, 64)
}

func percent(n Number) string {
	if !n.Known() {
		return "an unknown share"
	}
	return strconv.FormatFloat(100*float64(n), 'g', 3, 64) + " %"
}
