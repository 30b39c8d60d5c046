// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

// evidence is how well an ID is known to be the ID of a request. The ID of a trace is replaced by one with better
// evidence at any time; between two with equal evidence, on_conflict decides.
type evidence uint8

const (
	noEvidence      evidence = iota
	generatedHere            // nobody sent it
	patternEvidence          // at a place in text that a format fixes
	textEvidence             // by its name in text
	confirmed                // by its name in text, and by a header or field elsewhere; nothing in the trace says otherwise
	linkEvidence             // the ID of a trace that a span links to
	logEvidence              // in a field of a log record
	spanEvidence             // in a header or another field of a span
	evidences
)

var evidenceNames = [evidences]string{
	generatedHere: "generated", patternEvidence: "pattern", textEvidence: "text", confirmed: "confirmed", linkEvidence: "link", logEvidence: "log", spanEvidence: "span",
}

// weak evidence gives an ID to its own record only: text may quote the IDs of others.
func (e evidence) weak() bool { return e <= textEvidence }

// evidenceNamed is the evidence that an earlier collector wrote down.
func evidenceNamed(name string) evidence {
	for e, n := range evidenceNames {
		if n == name && n != "" {
			return evidence(e)
		}
	}
	return noEvidence
}
