// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A script says what happens, one line a time from the beginning, and what is announced. From each line on, what it says
// runs until another line says otherwise, and sends every 5 s (the script "every 1m" changes that).
//
//	at 0s: v1 on a b c           version v1 runs on the instances a, b and c, and nothing else does
//	at 0s: v1 on a | v2 on b     so do two versions
//	at 0s: v1 on pod[1-500]      and so do 500 instances
//	at 0s: staging: v1 on a      the same in another environment; eu: and us: are clusters
//	at 0s: image:1.0 on a        the version is the image's tag; digest:, template: and configuration: are other sources
//	at 0s: - on a                telemetry without a version
//	at 0s: nothing               nothing runs
//	at 0s: skew a 3h             the clock of a is ahead by so much from now on
//	at 0s: late 20m v1 on a      one item that is 20 minutes old; late 20m..5m: a queue of them, five a second
//	at 0s: restart               the collector saves, stops and starts again
//	at 0s: save, at 0s: kill     so does a kill, with the state of the last save
//	at 0s: down, at 0s: up       it saves and stops; it starts
//	at 0s: report started v2 id=x revision=abc start=10s
//	expect 70s: started v2 #0 start=60s was=v1    announced no later than then, and not 10 s earlier
//	end 10m
type script struct {
	t     *testing.T
	start time.Time
	now   time.Time
	every time.Duration

	config  Config
	tracker []*Tracker        // replicas; instances are spread over them
	saved   [][][]byte        // their states
	down    bool              // they do not run
	runs    map[string]string // what runs, by environment
	skew    map[string]time.Duration
	queue   []Sighting // that drains
	events  []string
	due     []deployment.Deployment
	ids     map[string]bool
	service string
	// rollbacks says that events name the deployments that are one.
	rollbacks bool
	seed      int // of which instance sends to which replica
}

var epoch = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

func newScript(t *testing.T, replicas int) *script {
	s := &script{t: t, start: epoch, now: epoch, every: 5 * time.Second, config: Default(),
		runs: map[string]string{}, skew: map[string]time.Duration{}, ids: map[string]bool{}, service: "checkout"}
	for range replicas {
		s.tracker = append(s.tracker, New(s.config, s.clock))
	}
	s.saved = make([][][]byte, replicas)
	return s
}

func (s *script) clock() time.Time { return s.now }

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	require.NoError(s.t, err)
	return d
}

// run follows the script and compares what is announced with what it expects.
func (s *script) run(text string) {
	s.t.Helper()
	expected := s.follow(text)
	require.Equal(s.t, strings.Join(expected, "\n"), strings.Join(s.events, "\n"))
}

func (s *script) follow(text string) (expected []string) {
	s.t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "", "#":
		case "every":
			s.every = s.duration(rest)
		case "at":
			at, what, ok := strings.Cut(rest, ": ")
			require.True(s.t, ok, line)
			s.until(s.duration(at))
			s.do(what)
		case "expect":
			expected = append(expected, rest)
		case "end":
			s.until(s.duration(rest))
		default:
			s.t.Fatalf("not understood: %s", line)
		}
	}
	return expected
}

// until lets time pass, a second at a time.
func (s *script) until(at time.Duration) {
	for ; s.now.Before(s.start.Add(at)); s.now = s.now.Add(time.Second) {
		second := s.now.Sub(s.start)
		if second%s.every == 0 {
			for _, where := range []string{"", "staging", "production", "eu", "us"} {
				s.send(where)
			}
		}
		for n := 0; n < 5 && len(s.queue) > 0; n++ {
			s.see(s.queue[0])
			s.queue = s.queue[1:]
		}
		if second%(5*time.Second) == 0 && !s.down {
			s.announce()
		}
	}
}

// readFrom are the sources of versions, but for service.version.
var readFrom = map[string]deployment.Source{
	"image": deployment.FromImage, "digest": deployment.FromDigest, "template": deployment.FromTemplate, "configuration": deployment.FromConfiguration,
}

// clusters are the places of a service.
var clusters = []string{"eu", "us"}

var sequence = regexp.MustCompile(`^(.*)\[(\d+)-(\d+)\]$`)

func (s *script) running(what string) (all []Sighting) {
	for part := range strings.SplitSeq(what, "|") {
		version, names, ok := strings.Cut(strings.TrimSpace(part), " on ")
		if !ok {
			require.Equal(s.t, "nothing", version)
			return nil
		}
		if version == "-" {
			version = ""
		}
		source := deployment.FromVersion
		if word, rest, ok := strings.Cut(version, ":"); ok && readFrom[word] > 0 {
			version, source = rest, readFrom[word]
		}
		for name := range strings.FieldsSeq(names) {
			of := Sighting{Service: deployment.Service{Name: s.service}, Version: version, Source: source, Instance: name}
			if name == "-" {
				of.Instance = ""
			}
			if m := sequence.FindStringSubmatch(name); m != nil {
				from, _ := strconv.Atoi(m[2])
				to, _ := strconv.Atoi(m[3])
				for n := from; n <= to; n++ {
					of.Instance = fmt.Sprint(m[1], n)
					all = append(all, of)
				}
				continue
			}
			all = append(all, of)
		}
	}
	return all
}

func (s *script) send(where string) {
	for _, one := range s.running(s.state(where)) {
		if slices.Contains(clusters, where) {
			one.Service.Cluster = where
		} else {
			one.Service.Environment = where
		}
		one.Time = s.now.Add(s.skew[one.Instance])
		s.see(one)
	}
}

func (s *script) state(environment string) string {
	if what, ok := s.runs[environment]; ok {
		return what
	}
	return "nothing"
}

// see gives a sighting to one of the replicas.
func (s *script) see(one Sighting) {
	if s.down {
		return
	}
	replica := xxhash.Sum64String(fmt.Sprint(s.seed, one.Instance)) % uint64(len(s.tracker))
	s.tracker[replica].See(one)
}

func (s *script) do(what string) {
	word, rest, _ := strings.Cut(what, " ")
	switch word {
	case "skew":
		instance, by, _ := strings.Cut(rest, " ")
		s.skew[instance] = s.duration(by)
	case "late":
		by, rest, _ := strings.Cut(rest, " ")
		from, to, queue := strings.Cut(by, "..")
		if !queue {
			to = from
		}
		for late := s.duration(from); late >= s.duration(to); late -= 5 * time.Second {
			for _, one := range s.running(rest) {
				one.Time = s.now.Add(-late + s.skew[one.Instance])
				s.queue = append(s.queue, one)
			}
		}
	case "save":
		s.save()
	case "kill":
		s.load()
	case "restart":
		s.announce()
		s.save()
		s.load()
	case "down":
		s.announce()
		s.save()
		s.down = true
	case "up":
		s.load()
		s.down = false
	case "report":
		require.NoError(s.t, s.tracker[0].Report(s.report(rest)))
	case "staging:", "production:", "eu:", "us:":
		s.runs[word[:len(word)-1]] = rest
	default:
		s.runs[""] = what
	}
}

func (s *script) report(text string) deployment.Deployment {
	d := deployment.Deployment{Service: deployment.Service{Name: s.service}, Start: s.now}
	for n, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, "=")
		switch {
		case n == 0:
			d.Status = deployment.Status(word)
			if d.Status.Over() {
				d.End = s.now
			}
		case !ok:
			d.Version = word
		case key == "id":
			d.ID = value
		case key == "revision":
			d.Revision = value
		case key == "end":
			d.End = s.start.Add(s.duration(value))
		case key == "branch":
			d.Branch = value
		case key == "cluster":
			d.Cluster = value
		case key == "run":
			d.RunID = value
		case key == "actor":
			d.Actor = value
		case key == "start":
			d.Start = s.start.Add(s.duration(value))
		default:
			s.t.Fatalf("not understood: %s", word)
		}
	}
	return d
}

func (s *script) save() {
	for n, t := range s.tracker {
		records := make([][]byte, Records)
		require.NoError(s.t, t.Save(true, func(n int, record []byte) error {
			records[n] = slices.Clone(record)
			return nil
		}))
		s.saved[n] = records
	}
}

func (s *script) load() {
	for n := range s.tracker {
		s.tracker[n] = New(s.config, s.clock)
		for i, record := range s.saved[n] {
			require.NoError(s.t, s.tracker[n].Restore(i, record))
		}
	}
}

func (s *script) announce() {
	for _, t := range s.tracker {
		for _, d := range t.Due() {
			s.due = append(s.due, d)
			event := s.event(d)
			if len(s.tracker) > 1 && s.ids[event] {
				continue // another replica has said so
			}
			s.ids[event] = true
			s.events = append(s.events, event)
		}
	}
}

func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = text[:len(text)-2]
	}
	if strings.HasSuffix(text, "h0m") {
		text = text[:len(text)-2]
	}
	return text
}

// event is an announcement in the words of the script.
func (s *script) event(d deployment.Deployment) string {
	text := fmt.Sprintf("%s: %s %s", short(s.now.Sub(s.start)), d.Status, d.Version)
	if len(s.tracker) > 1 {
		text = fmt.Sprintf("%s %s", d.Status, d.Version)
	}
	id := d.ID
	for n := range 10 {
		if id == deployment.NewID(d.Service, d.Version, n) {
			id = strconv.Itoa(n)
		}
	}
	text += " #" + id
	if d.Environment != "" {
		text += " in " + d.Environment
	}
	if d.Cluster != "" {
		text += " at " + d.Cluster
	}
	if len(s.tracker) == 1 {
		text += " from " + short(d.Start.Sub(s.start))
		if !d.End.IsZero() {
			text += " to " + short(d.End.Sub(s.start))
		}
	}
	if d.Previous != "" {
		text += " was " + d.Previous
	}
	if s.rollbacks && d.Rollback {
		text += " back"
	}
	if d.Revision != "" {
		text += " revision " + d.Revision
	}
	if d.RunID != "" {
		text += " run " + d.RunID
	}
	if d.Actor != "" {
		text += " by " + d.Actor
	}
	return text
}
