// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Names of dimensions.
const (
	// SpanName is the name of a span, SpanStatus its status: unset, ok or error. No attribute has these names.
	SpanName   = "span.name"
	SpanStatus = "span.status"
	// PeerService and ServerAddress are what an event calls.
	PeerService   = "peer.service"
	ServerAddress = "server.address"
	// flagPrefix begins the name of a feature flag's dimension, whose value is the variant.
	flagPrefix = "feature_flag."
)

// A use says how an attribute is used.
type use uint8

const (
	// off is no dimension.
	off use = iota
	// shaped is one whose values are hidden if they look like personal data or like IDs.
	shaped
	// open is one with all values.
	open
)

// known are the attributes that have room in a table before others. What runs where may be called by an ID or an address.
var known = map[string]use{
	SpanName: shaped, SpanStatus: open, "http.route": shaped, "error.type": shaped, "http.response.status_code": open, "http.status_code": open,
	"http.request.method": shaped, "http.method": shaped, "rpc.method": shaped, "rpc.service": shaped, "rpc.grpc.status_code": open, "rpc.response.status_code": open,
	"messaging.destination.name": shaped, "db.system.name": shaped,
	semconv.ServiceVersion: open, semconv.ServiceInstanceID: open, semconv.ClusterName: open, semconv.CloudRegion: open,
	"cloud.availability_zone": open, "k8s.pod.name": open, "k8s.node.name": open, "k8s.container.name": open, "host.name": open,
	PeerService: open, ServerAddress: open,
}

// Known reports whether it is the name of an attribute that has room in a table before others, such as a route, a version or a pod.
func Known(name string) bool { return known[name] != off || strings.HasPrefix(name, flagPrefix) }

// offNames are off with all names that they begin: what tells persons, calls or processes apart, is free text, or is the same for all events of an SLO.
var offNames = []string{
	"enduser", "user", "user_agent", "client", "source", "session", "url", "http.target", "http.url", "http.user_agent", "http.client_ip",
	"http.request.header", "http.response.header", "http.request.body", "http.response.body", "net.peer", "net.sock", "net.host.ip", "network.peer", "network.local",
	"db.statement", "db.query.text", "db.query.parameter", "db.operation.parameter", "exception", "messaging.message", "thread", "code", "telemetry", "process.pid",
	"process.parent_pid", "process.command", "process.command_args", "process.command_line", "process.executable.path", "process.owner", "container.id", "host.id", "faas.invocation_id", "aws.request_id",
	"log", "otel", semconv.ServiceName, semconv.ServiceNamespace, semconv.Environment, semconv.DeprecatedEnvironment,
	semconv.CorrelationID, semconv.CorrelationConflict, semconv.CorrelationAliases, semconv.CorrelationIDs, semconv.CorrelationShared, semconv.CorrelationEvidence,
	semconv.DeploymentID, semconv.DeploymentRecent, "server.port", "sampling",
}

// offWords are words of a name that make it off: personal data, free text, IDs of single events, and measured values.
var offWords = func() map[string]bool {
	words := make(map[string]bool)
	for word := range strings.FieldsSeq(`
		email mail mailto phone telephone mobile ip ipaddress ipv4 ipv6 mac username userid user login customer person patient member subscriber firstname lastname surname
		fullname nickname birth birthday birthdate dob ssn passport iban card creditcard pan cvv latitude longitude lat lon geo street postcode zipcode zip
		password passwd pwd secret token jwt auth authorization cookie credential credentials apikey signature session sessionid
		query querystring params parameters body payload content message msg text comment note description statement sql stack stacktrace trace url uri referer referrer path args arguments
		traceid spanid requestid correlationid correlation messageid eventid transactionid transaction invocation execution idempotency nonce uuid guid uid offset sequence seq checksum etag hash
		request_id duration elapsed latency ms millis seconds timestamp time date size length bytes count total amount price lineno line pid port`) {
		words[word] = true
	}
	return words
}()

// offPairs are words that are off before "id".
var offPairs = map[string]bool{"request": true, "span": true, "trace": true, "event": true, "order": true, "message": true, "account": true, "operation": true, "job": true, "call": true, "parent": true}

// Names decide which attributes are dimensions. They can be used concurrently.
type Names struct {
	allow, deny [][]string // of several levels; the patterns of each
	mu          sync.Mutex
	uses        map[string]named
}

// named is an attribute's name, kept, and its use.
type named struct {
	name string
	use  use
}

// mostNames bounds the names that are remembered.
const mostNames = 2000

// NewNames returns what follows from lists of names that are dimensions although they would be off, and of names that are none whatever else says.
// Each may begin or end with * for anything.
func NewNames(allow, deny [][]string) *Names {
	return &Names{allow: allow, deny: deny, uses: make(map[string]named)}
}

// Shows reports whether an attribute is a dimension.
func (n *Names) Shows(name string) bool { return n.named(name).use != off }

// CheckPattern says what is wrong with an entry of a list.
func CheckPattern(pattern string) error {
	middle := strings.TrimSuffix(strings.TrimPrefix(pattern, "*"), "*")
	switch {
	case middle == "" || strings.Contains(middle, "*"):
		return fmt.Errorf("%.60q is not the name of an attribute; write it, with * at its beginning or its end for anything, such as customer.*", pattern)
	case len(middle) > maxText || clean(middle) != middle:
		return fmt.Errorf("%.60q is too long, or not printable; use at most %d bytes", pattern, maxText)
	default:
		return nil
	}
}

func matchesAny(lists [][]string, name string) bool {
	return slices.ContainsFunc(lists, func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
	})
}

func matches(pattern, name string) bool {
	middle, before := strings.CutPrefix(pattern, "*")
	middle, after := strings.CutSuffix(middle, "*")
	switch {
	case before && after:
		return strings.Contains(name, middle)
	case before:
		return strings.HasSuffix(name, middle)
	case after:
		return strings.HasPrefix(name, middle)
	default:
		return name == middle
	}
}

// named is the name as one that may be kept, and its use.
func (n *Names) named(name string) named {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, ok := n.uses[name]
	if !ok {
		found = named{use: n.decide(name)}
		if len(name) <= maxText {
			found.name = strings.Clone(name)
			if len(n.uses) < mostNames {
				n.uses[found.name] = found
			}
		}
	}
	return found
}

func (n *Names) decide(name string) use {
	switch {
	case name == "" || len(name) > maxText || clean(name) != name || matchesAny(n.deny, name):
		return off
	case matchesAny(n.allow, name):
		return open
	default:
		return usual(name)
	}
}

// usual is the use of an attribute that no list has.
func usual(name string) use {
	if u := known[name]; u != off {
		return u
	}
	if strings.HasPrefix(name, flagPrefix) {
		return shaped
	}
	for _, prefix := range offNames {
		if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || rest[0] == '.' || rest[0] == '_') {
			return off
		}
	}
	before := ""
	for _, word := range wordsOf(name) {
		if offWords[word] || word == "id" && offPairs[before] {
			return off
		}
		before = word
	}
	return shaped
}

// wordsOf are the words of a name in lower case: user.emailAddress has user, email and address.
func wordsOf(name string) (words []string) {
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	lower := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			lower = false
			continue
		case unicode.IsUpper(r) && lower:
			end()
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
		word.WriteRune(unicode.ToLower(r))
	}
	end()
	return words
}

// Longest runs in a value that is shown, and its most words.
const (
	mostDigits = 5
	mostHex    = 11
	mostWords  = 6
)

// secret reports whether a value looks like personal data, an ID or free text: by its length, an @, a query, an IP address, or a long run of digits or of hexadecimal ones.
func secret(value string) bool {
	if len(value) > maxText {
		return true
	}
	digits, hex, hasDigit, words, dots, colons := 0, 0, false, 1, 0, 0
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
			hex++
			hasDigit = true
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			digits = 0
			hex++
		default:
			switch c {
			case '@', '?', '=', '&':
				return true
			case ' ':
				words++
			case '.':
				dots++
			case ':':
				colons++
			}
			digits, hex, hasDigit = 0, 0, false
		}
		if digits > mostDigits || hex > mostHex && hasDigit || words > mostWords {
			return true
		}
	}
	if dots < 3 && colons < 2 {
		return grouped(value)
	}
	return address(value)
}

// grouped reports whether there is a UUID, whose longest run may be short enough for an ID, or a number that is written in groups, such as of a telephone.
func grouped(value string) bool {
	digits, others := 0, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == ' ' || c == '-' || c == '+' || c == '(' || c == ')' || c == '/':
		default:
			others++
		}
	}
	return digits > mostDigits && others == 0
}

// address reports whether there is an IP address, alone, with a port, or in a list.
func address(value string) bool {
	if _, err := netip.ParseAddrPort(value); err == nil {
		return true
	}
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ' ' || r == ',' || r == '/' || r == '[' || r == ']' }) {
		host, _, _ := strings.Cut(part, "%")
		if _, err := netip.ParseAddr(host); err == nil {
			return true
		}
		if _, err := netip.ParseAddrPort(part); err == nil {
			return true
		}
	}
	return grouped(value)
}

// clean cuts a name or value, and replaces what is not printable. It changes nothing in what is short and printable.
func clean(s string) string {
	if len(s) <= maxText && printable(s) {
		return s
	}
	const ellipsis = "…"
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		if rest := len(s) - i; b.Len()+utf8.RuneLen(r) > maxText-len(ellipsis) && rest > maxText-b.Len() || b.Len()+utf8.RuneLen(r) > maxText {
			b.WriteString(ellipsis)
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// printable reports whether there is nothing but printable ASCII.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
