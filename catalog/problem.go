// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Severity separates errors, which prevent loading a service, from warnings.
type Severity int

// The severities. A service with an Error is not in the Catalog.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText makes the severity "error" or "warning" in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Problem is one thing wrong with a catalog: its position, a message and the fix.
type Problem struct {
	Severity Severity `json:"severity"`
	Position
	// Path is the path of keys to the value, such as spec.slos[0].objective; "" is the whole document.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Position.String())
	fmt.Fprintf(&b, ": %s: ", p.Severity)
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// String is file:line:column, without unknown parts.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
}

func (p Position) compare(q Position) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Problems are ordered by position.
type Problems []Problem

// Err is nil if there are only warnings, else an error that lists the errors, one per line.
func (ps Problems) Err() error {
	list := ps.Errors()
	if len(list) == 0 {
		return nil
	}
	return errors.New(strings.TrimSuffix(list.String(), "\n"))
}

// Errors are the problems that exclude content from the catalog.
func (ps Problems) Errors() Problems { return ps.of(Error) }

// Warnings are the problems that exclude nothing from the catalog.
func (ps Problems) Warnings() Problems { return ps.of(Warning) }

func (ps Problems) of(severity Severity) Problems {
	var some Problems
	for _, p := range ps {
		if p.Severity == severity {
			some = append(some, p)
		}
	}
	return some
}

// String has one problem per line.
func (ps Problems) String() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// maxProblems is the maximum number of problems per file and severity.
const maxProblems = 100

// bounded keeps at most maxProblems per file and severity. The
// problems must be sorted.
func (ps Problems) bounded() Problems {
	type kind struct {
		file     string
		severity Severity
	}
	counts := map[kind]int{}
	var some Problems
	for _, p := range ps {
		k := kind{p.File, p.Severity}
		counts[k]++
		switch n := counts[k]; {
		case n <= maxProblems:
			some = append(some, p)
		case n == maxProblems+1:
			p.Path, p.Message, p.Fix = "", fmt.Sprintf("there are more %ss after this one", p.Severity), "fix the ones above first"
			some = append(some, p)
		}
	}
	return some
}

// distinct leaves out what was found more than once. The problems must be sorted.
func (ps Problems) distinct() Problems {
	seen := map[Problem]bool{}
	return slices.DeleteFunc(ps, func(p Problem) bool {
		known := seen[p]
		seen[p] = true
		return known
	})
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(p, q Problem) int { return p.compare(q.Position) })
}
