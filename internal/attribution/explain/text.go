// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/printable"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxValue is how many characters of a value are in the text.
const maxValue = 64

// nouns are what attributes are called, in the order in which one is preferred to another that is the same.
var nouns = []struct{ name, noun string }{
	{semconv.ServiceVersion, "version"},
	{"http.route", "route"},
	{"rpc.method", "RPC method"},
	{"peer.service", "dependency"},
	{"server.address", "dependency"},
	{"messaging.destination.name", "queue"},
	{"k8s.pod.name", "pod"},
	{semconv.ServiceInstanceID, "instance"},
	{"host.name", "host"},
	{"k8s.container.name", "container"},
	{"k8s.node.name", "node"},
	{"cloud.availability_zone", "zone"},
	{semconv.CloudRegion, "region"},
	{semconv.ClusterName, "cluster"},
	{"http.request.method", "method"},
}

// rank is lower for an attribute whose name says more.
func rank(l *line) int {
	name := l.attributes[0].Name
	if i := slices.IndexFunc(nouns, func(n struct{ name, noun string }) bool { return n.name == name }); i >= 0 {
		return i
	}
	return len(nouns)
}

// Name is an attribute in words.
func Name(a attribution.Attribute) string {
	name := a.Name
	for _, n := range nouns {
		if n.name == name {
			name = n.noun
		}
	}
	value := printable.Text(a.Value, maxValue)
	if value == "" {
		value = "(empty)"
	}
	return printable.Text(name, maxValue) + " " + value
}

// Text is the answer in one sentence.
func Text(a attribution.Answer) string {
	switch {
	case a.Bad == 0:
		return "There was no bad event."
	case a.Booked == 0:
		return fmt.Sprintf("Of %s, none is in the ledger.", events(a.Bad))
	case len(a.Causes) == 0:
		return fmt.Sprintf("Nothing is over-represented among %s beyond chance.", events(a.Bad))
	}
	cause := a.Causes[0]
	var b strings.Builder
	for i, attribute := range cause.Attributes {
		if i > 0 {
			b.WriteString(" on ")
		}
		b.WriteString(inWords(a, attribute))
	}
	if len(cause.Same) > 0 {
		b.WriteString(" (" + Name(shortened(cause.Same[0])) + ")")
	}
	if !cause.Since.IsZero() {
		b.WriteString(", since " + cause.Since.UTC().Format("15:04"))
	}
	fmt.Fprintf(&b, ": %.0f %% of the spent budget", 100*cause.OfBad)
	if cause.OfTraffic > 0 {
		fmt.Fprintf(&b, ", %s times its share of traffic", times(cause.OfBad/cause.OfTraffic))
	}
	b.WriteString(".")
	return b.String()
}

// inWords is an attribute in words. An instance that is known by a UUID alone is one of those that failed, with the beginning of its ID.
func inWords(a attribution.Answer, attribute attribution.Attribute) string {
	if !unnamed(attribute) {
		return Name(attribute)
	}
	id := " (" + shortened(attribute).Value + ")"
	at := slices.IndexFunc(a.Dimensions, func(d attribution.Dimension) bool { return d.Name == attribute.Name })
	if at < 0 || len(a.Dimensions[at].Lines) < 2 {
		return "one instance" + id
	}
	more := ""
	if a.Dimensions[at].Other > 0 {
		more = " or more"
	}
	return fmt.Sprintf("one instance of %d%s that failed%s", len(a.Dimensions[at].Lines), more, id)
}

// unnamed reports whether the attribute is an instance that is known by a UUID alone.
func unnamed(attribute attribution.Attribute) bool {
	return attribute.Name == semconv.ServiceInstanceID && uuid.Validate(attribute.Value) == nil
}

// shortID is how many characters of a UUID are in the text.
const shortID = 8

// shortened has the beginning of a UUID that is an instance's.
func shortened(attribute attribution.Attribute) attribution.Attribute {
	if unnamed(attribute) {
		attribute.Value = attribute.Value[:shortID]
	}
	return attribute
}

func events(n float64) string {
	if n == 1 {
		return "1 bad event"
	}
	return fmt.Sprintf("%.0f bad events", n)
}

func times(n float64) string {
	if n < 10 {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}
