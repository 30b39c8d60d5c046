// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A silence mutes all alerts of an incident that fire.
type silence struct {
	By      string `json:"by"`
	Comment string `json:"comment"`
	// Until is when the first of them ends.
	Until time.Time `json:"until"`
	// Acknowledged says that the comment begins with ACK: someone works on it.
	Acknowledged bool `json:"acknowledged"`
}

// A silenceLink leads to Alertmanager's form for a new silence, filled in.
type silenceLink struct {
	Service string `json:"service"`
	URL     string `json:"url"`
}

// acknowledgement is the command that acknowledges the alerts of the origin; "" without an Alertmanager, or if it is over.
func (s *site) acknowledgement(one *incident.Incident) string {
	if s.Alertmanager == "" || one.State == incident.Resolved {
		return ""
	}
	origin := one.Origin()
	command := []string{"srectl silence", shellWord(origin.Name)}
	for _, flag := range [][2]string{{"namespace", origin.Namespace}, {"environment", origin.Environment}, {"alertmanager", s.Alertmanager}} {
		if flag[1] != "" {
			command = append(command, "--"+flag[0], shellWord(flag[1]))
		}
	}
	return strings.Join(append(command, "--ack", "--comment", "'I am on it'"), " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._:/][A-Za-z0-9._:/-]*$`)

// shellWord is a text as one word of a shell.
func shellWord(text string) string {
	text = words.Bounded(text, maxCell)
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// silenceLinks are for the services of an incident whose alerts fire.
func (s *site) silenceLinks(one *incident.Incident) []silenceLink {
	all := []silenceLink{}
	if s.Alertmanager == "" || one.State == incident.Resolved {
		return all
	}
	for _, a := range one.Services {
		if a.Silent {
			continue
		}
		var matchers []string
		for _, m := range [][2]string{{semconv.ServiceName, a.Name}, {semconv.ServiceNamespace, a.Namespace}, {"environment", a.Environment}} {
			if m[1] != "" {
				matchers = append(matchers, promname.Recorded(m[0])+"="+strconv.Quote(m[1]))
			}
		}
		link := strings.TrimSuffix(s.Alertmanager, "/") + "/#/silences/new?filter=" + url.QueryEscape("{"+strings.Join(matchers, ", ")+"}")
		all = append(all, silenceLink{a.Name, strings.ReplaceAll(link, "+", "%20")}) // the form does not read + as a space
	}
	return slices.Clip(all)
}
