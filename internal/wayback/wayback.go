// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package wayback finds the way back from a release: to which version, by which command, and why there is none. srectl rollback takes it, and the page of an incident
// shows it.
package wayback

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A Ran is a version that runs or ran, as the status page has it.
type Ran struct {
	Version  string `json:"version"`
	Status   string `json:"status"`
	Previous string `json:"previous"`
}

// Before is which of the versions to return to from the first one, the newest: the one before it, or else the newest that was complete. A version that was
// rolled back or has failed is none, even if it is named as the one before: somebody has left it. Negative is none.
func Before(versions []Ran) int {
	if len(versions) < 2 {
		return -1
	}
	find := func(fits func(v Ran) bool) int {
		return slices.IndexFunc(versions, func(v Ran) bool { return v.Version != versions[0].Version && !left(v) && fits(v) })
	}
	if i := find(func(v Ran) bool { return v.Version == versions[0].Previous }); i >= 0 {
		return i
	}
	return find(func(v Ran) bool { return deployment.Status(v.Status) == deployment.Completed })
}

func left(v Ran) bool {
	status := deployment.Status(v.Status)
	return status == deployment.RolledBack || status == deployment.Failed
}

// A Plan is a way back. Command is a program and its arguments, which no shell reads.
type Plan struct {
	From, To string
	Command  []string
}

// A Refusal is a reason not to go back.
type Refusal struct{ Why string }

func (r Refusal) Error() string { return r.Why }

// Refuse is a refusal.
func Refuse(format string, args ...any) error { return Refusal{fmt.Sprintf(format, args...)} }

// plain are versions that no program takes for an option, a path or an expression.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+:@-]{0,127}$`)

// New finds the way back from a version. What ran, the newest first, may be unknown: then the version to return to has to be named.
func New(s *catalog.Service, from, to string, versions []Ran) (*Plan, error) {
	place := s.Deployment.Rollback.Command
	if len(place) == 0 && s.Deployment.Kubernetes == nil {
		return nil, Refuse("the catalog says no way back: give the service deployment.rollback.command or deployment.kubernetes")
	}
	known := len(versions) > 0
	var newest Ran
	if known {
		newest = versions[0]
		switch {
		case !same(s, newest.Version, from):
			return nil, Refuse("%s is not what was deployed last, which is %s: it may be gone already", from, newest.Version)
		case deployment.Status(newest.Status) == deployment.RolledBack:
			return nil, Refuse("%s is rolled back already", from)
		}
	}
	before := newest.Previous // what the workload's own undo brings
	if before == "" && len(versions) > 1 {
		before = versions[1].Version
	}
	if i := Before(versions); i >= 0 {
		to = cmp.Or(to, versions[i].Version)
	}
	switch {
	case to == "" && before != "":
		return nil, Refuse("the version before %s is %s, which was never complete, or was left: name one with --to", from, before)
	case to == "":
		return nil, Refuse("no version before %s is known: name one with --to", from)
	case same(s, from, to):
		return nil, Refuse("%s is the version to return from and to", from)
	case !plain.MatchString(to) || !plain.MatchString(from):
		return nil, Refuse("a version is not plain text: it must begin with a letter or digit, and have letters, digits and . _ + : @ - only")
	}
	if err := passes(s, from, to, versions); err != nil {
		return nil, err
	}
	p := &Plan{From: from, To: to}
	if len(place) > 0 {
		for _, word := range place {
			p.Command = append(p.Command, strings.ReplaceAll(word, "{version}", to))
		}
		return p, nil
	}
	if known && !same(s, before, to) {
		return nil, Refuse("kubectl returns to the version before, %s, and not to %s: give the service a deployment.rollback.command with {version}", before, to)
	}
	var err error
	p.Command, err = ofWorkload(s.Deployment.Kubernetes, deployment.Status(newest.Status))
	return p, err
}

// ofWorkload is the command of the tool that rolls the workload out.
func ofWorkload(k *catalog.KubernetesWorkload, status deployment.Status) ([]string, error) {
	if strings.HasPrefix(k.Name, "-") || strings.HasPrefix(k.Namespace, "-") {
		return nil, Refuse("the name of the workload or of its namespace begins with a dash")
	}
	if ofArgo(k) && !status.Over() {
		return kubectl(k, "abort"), nil
	}
	return kubectl(k, "undo"), nil
}

func ofArgo(k *catalog.KubernetesWorkload) bool { return strings.EqualFold(k.Kind, "rollout") }

// kubectl is the command that does something to the rollout of a workload, such as undo or status.
func kubectl(k *catalog.KubernetesWorkload, do string) []string {
	command := []string{"kubectl", "rollout", do, strings.ToLower(k.Kind) + "/" + k.Name}
	if ofArgo(k) {
		command = []string{"kubectl", "argo", "rollouts", do, k.Name}
	}
	if k.Namespace != "" {
		command = append(command, "-n", k.Namespace)
	}
	return command
}

// passes refuses to go back past a version that changed data: one that is after the version to return to, and not after the one to leave. What cannot be
// compared counts as between: a service that waits is better than one that reads what it does not understand.
func passes(s *catalog.Service, from, to string, versions []Ran) error {
	for _, m := range s.Deployment.Migrations {
		if between(s, m.Version, from, to, versions) {
			return Refuse("version %s changed data (%s), and %s cannot work with them: go forward instead", m.Version, cmp.Or(m.Reason, "no reason is given"), to)
		}
	}
	return nil
}

func between(s *catalog.Service, migration, from, to string, versions []Ran) bool {
	switch {
	case same(s, migration, from):
		return true
	case same(s, migration, to):
		return false
	}
	at := func(version string) int {
		return slices.IndexFunc(versions, func(v Ran) bool { return same(s, v.Version, version) })
	}
	if i, j := at(migration), at(to); i >= 0 && j >= 0 {
		return i < j // the newest is first
	}
	m, okM := numbers(migration)
	f, okF := numbers(from)
	t, okT := numbers(to)
	if okM && okF && okT {
		return slices.Compare(m, t) > 0 && slices.Compare(m, f) <= 0
	}
	return true
}

// same reports whether two texts are the same version of the service.
func same(s *catalog.Service, a, b string) bool {
	return a == b || a != "" && b != "" && deployment.ParseVersion(a, s.Name).Same(deployment.ParseVersion(b, s.Name))
}

var numeric = regexp.MustCompile(`^v?(\d{1,9})(\.\d{1,9}){0,3}$`)

// numbers are those of a version such as 1.4.2. A version with more, such as -rc1, cannot be compared.
func numbers(version string) (all []int, ok bool) {
	if !numeric.MatchString(version) {
		return nil, false
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(version, "v"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		all = append(all, n)
	}
	for len(all) < 4 {
		all = append(all, 0)
	}
	return all, true
}

// Text is the command as one writes it in a shell.
func (p *Plan) Text() string { return Shell(p.Command) }

// Shell is a program and its arguments as one writes them in a shell.
func Shell(command []string) string {
	words := make([]string, len(command))
	for i, word := range command {
		if words[i] = word; !unquoted.MatchString(word) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// unquoted are words that mean themselves to a shell.
var unquoted = regexp.MustCompile(`^[A-Za-z0-9_./:=,@+-]+$`)
