// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Source is one place to look for an ID. Exactly one key is set.
type Source struct {
	// Attribute of a span, a log record or an exemplar: a string, an integer, or an array of strings.
	Attribute string `mapstructure:"attribute"`
	// Baggage member by that name, in the attribute baggage or http.request.header.baggage.
	Baggage string `mapstructure:"baggage"`
	// TraceState entry by that key, of a span.
	TraceState string `mapstructure:"tracestate"`
	// Resource attribute.
	Resource string `mapstructure:"resource"`
	// Body key of a log body that is a map or a string with a JSON object in it.
	Body string `mapstructure:"body"`
	// Logfmt key in a log body that is other text: key=value, key="value" or key: value.
	Logfmt string `mapstructure:"logfmt"`
	// Text is a place in other text that a format fixes: see [places].
	Text string `mapstructure:"text"`
	// Regex is an RE2 expression for other text. Its first group is the ID.
	Regex string `mapstructure:"regex"`
	// OTTL is a value expression, for spans and log records; it is used for those it compiles for.
	OTTL string `mapstructure:"ottl"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Named patterns.
const (
	textBracketedUUID = "bracketed_uuid"
	textQuotedUUID    = "quoted_uuid"
	textAccessLog     = "access_log"
	textLambda        = "lambda"
	textOpenStack     = "openstack"
	textModSecurity   = "modsecurity"
	textChi           = "chi"
	textHAProxy       = "haproxy"
)

const longestRegex = 1000

// The names of an ID in the fields of a log line, the best first. Letter case and punctuation make no difference.
var fieldNames = []string{
	"correlation_id", "x_correlation_id", "request_id", "x_request_id", "req_id", "http_request_id", "request_x_request_id", "http_x_request_id",
	"http_x_correlation_id", "corr_id", "request_uuid", "vcap_request_id", "function_request_id", "audit_id", "unique_id",
}

func defaultSources() []Source {
	sources := []Source{
		{Attribute: semconv.CorrelationID},
		{Attribute: "http.request.header.x-correlation-id"},
		{Attribute: "http.request.header.x_correlation_id"},
		{Attribute: "http.request.header.x-request-id"},
		{Attribute: "http.request.header.x_request_id"},
		{Attribute: "guid:x-request-id"},
		{Attribute: "messaging.message.conversation_id"},
		{Attribute: "correlation_id"},
		{Attribute: "correlationId"},
		{Attribute: "request_id"},
		{Attribute: "requestId"},
		{Attribute: "http.request.id"},
		{Attribute: "x-correlation-id"},
		{Attribute: "x-request-id"},
		{Attribute: "reqId"},
		{Attribute: "req_id"},
		{Attribute: "req.id"},
		{Attribute: "request.id"},
		{Baggage: semconv.CorrelationID},
		{TraceState: "correlation"},
		{Resource: semconv.CorrelationID},
	}
	for _, name := range fieldNames {
		sources = append(sources, Source{Body: name})
	}
	for _, name := range fieldNames {
		sources = append(sources, Source{Logfmt: name})
	}
	for _, name := range []string{textLambda, textOpenStack, textAccessLog, textModSecurity, textChi, textHAProxy, textBracketedUUID} {
		sources = append(sources, Source{Text: name})
	}
	return sources
}

// clientNames are the attributes in which a client's instrumentation writes its server's ID of the call.
var clientNames = map[string]bool{"request_id": true, "requestId": true, "request.id": true}

// kinds lists what is set, as key and value.
func (s *Source) kinds() (set [][2]string) {
	for _, kind := range [...][2]string{
		{"attribute", s.Attribute}, {"baggage", s.Baggage}, {"tracestate", s.TraceState}, {"resource", s.Resource},
		{"body", s.Body}, {"logfmt", s.Logfmt}, {"text", s.Text}, {"regex", s.Regex}, {"ottl", s.OTTL},
	} {
		if kind[1] != "" {
			set = append(set, kind)
		}
	}
	return set
}

func (s *Source) validate() error {
	set := s.kinds()
	if len(set) != 1 {
		return fmt.Errorf("has %d keys; set exactly one of attribute, baggage, tracestate, resource, body, logfmt, text, regex, ottl", len(set))
	}
	switch {
	case s.Body != "" && folded(s.Body) == "":
		return errors.New("body: has no letter or digit that is ASCII, or more than 64; name a key such as request_id")
	case s.Logfmt != "" && folded(s.Logfmt) == "":
		return errors.New("logfmt: has no letter or digit that is ASCII, or more than 64; name a key such as request_id")
	case s.Text != "" && places[s.Text] == nil:
		return fmt.Errorf("text: is %.100q; use one of %s", s.Text, strings.Join(slices.Sorted(maps.Keys(places)), ", "))
	case s.Regex != "":
		_, err := compileRegex(s.Regex)
		return err
	case s.OTTL != "":
		_, _, err := compileOTTL(s.OTTL)
		return err
	}
	return nil
}

func compileRegex(expr string) (*regexp.Regexp, error) {
	if len(expr) > longestRegex {
		return nil, fmt.Errorf("regex: has %d bytes; use %d or fewer", len(expr), longestRegex)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("regex: %.200s; write it in RE2 syntax", err.Error())
	}
	if re.NumSubexp() < 1 {
		return nil, errors.New("regex: has no group; put the ID in parentheses")
	}
	return re, nil
}

// name is how internal telemetry calls the source. Patterns and expressions go by their place.
func (s *Source) name(place int) string {
	kind := s.kinds()[0]
	if kind[0] == "regex" || kind[0] == "ottl" {
		return fmt.Sprintf("%s:%d", kind[0], place)
	}
	return kind[0] + ":" + kind[1]
}

// rank is a source's place in the order: the lower the better. 0 is the destination attribute.
type rank int16

const unranked rank = maxSources + 1

// plan is the list of sources, sorted by where one has to look, so that one look at a place
// serves all sources there. Each place knows its best rank: it is left out when better was found.
type plan struct {
	attribute string       // where the ID is written
	seed      maphash.Seed // of services' names
	apache    []bool       // by rank: the value is one of Apache's mod_unique_id
	names     []string     // by rank
	parsed    []bool       // by rank: the ID is taken from the text of a body
	shaped    []bool       // by rank: a source of the default list, whose values have to look like IDs
	weak      []evidence   // by rank, of those in text; none for fields
	ofServer  []bool       // by rank: on a client's span it names the server's ID

	attributes keys
	resource   keys
	baggage    keys
	tracestate keys
	body       foldedKeys
	logfmt     foldedKeys
	text       textPlaces
	patterns   []pattern
	spans      []spanExpression
	logs       []logExpression
}

// evidence is that of the source, on an item of the signal.
func (p *plan) evidence(r rank, of signal) evidence {
	switch {
	case p.weak[r] != noEvidence:
		return p.weak[r]
	case of == traces:
		return spanEvidence
	}
	return logEvidence
}

type textPlaces struct {
	best   rank
	places []textPlace
}

type textPlace struct {
	rank rank
	find place
}

type pattern struct {
	rank  rank
	regex *regexp.Regexp
}

// peerAttributes name the service that a client's span calls.
var peerAttributes = [...]string{"peer.service", "server.address", "service.peer.name"}

// hash is of the name of a service, never 0.
func (p *plan) hash(service string) uint32 { return uint32(maphash.String(p.seed, service)) | 1 }

// The attributes that may contain W3C baggage.
var baggageAttributes = [...]string{"baggage", "http.request.header.baggage"}

func newPlan(c *Config) (*plan, error) {
	p := &plan{
		attribute: c.Attribute, seed: maphash.MakeSeed(),
		attributes: newKeys(), resource: newKeys(), baggage: newKeys(), tracestate: newKeys(),
		body: newFoldedKeys(), logfmt: newFoldedKeys(), text: textPlaces{best: unranked},
	}
	known := make(map[Source]bool)
	for _, s := range defaultSources() {
		known[s] = s.Attribute != semconv.CorrelationID
	}
	sources := append([]Source{{Attribute: c.Attribute}}, c.Sources...)
	for i := range sources {
		s, r := &sources[i], rank(i)
		p.names = append(p.names, s.name(i-1))
		p.parsed = append(p.parsed, s.Body+s.Logfmt+s.Text+s.Regex != "")
		p.shaped = append(p.shaped, known[*s])
		p.apache = append(p.apache, known[*s] && s.Body+s.Logfmt == "unique_id")
		p.ofServer = append(p.ofServer, known[*s] && clientNames[s.Attribute])
		p.weak = append(p.weak, noEvidence)
		switch {
		case s.Logfmt != "":
			p.weak[i] = textEvidence
		case s.Text+s.Regex != "":
			p.weak[i] = patternEvidence
		}
		switch {
		case s.Attribute != "":
			p.attributes.add(s.Attribute, r)
		case s.Baggage != "":
			p.baggage.add(s.Baggage, r)
		case s.TraceState != "":
			p.tracestate.add(s.TraceState, r)
		case s.Resource != "":
			p.resource.add(s.Resource, r)
		case s.Body != "":
			p.body.add(s.Body, int(r))
		case s.Logfmt != "":
			p.logfmt.add(s.Logfmt, int(r))
		case s.Text != "":
			p.text.places = append(p.text.places, textPlace{r, places[s.Text]})
			p.text.best = min(p.text.best, r)
		case s.Regex != "":
			regex, err := compileRegex(s.Regex)
			if err != nil {
				return nil, err
			}
			p.patterns = append(p.patterns, pattern{r, regex})
			p.text.best = min(p.text.best, r)
		case s.OTTL != "":
			span, log, err := compileOTTL(s.OTTL)
			if err != nil {
				return nil, err
			}
			if span != nil {
				p.spans = append(p.spans, spanExpression{r, span})
			}
			if log != nil {
				p.logs = append(p.logs, logExpression{r, log})
			}
		}
	}
	if p.baggage.best < unranked {
		for _, key := range baggageAttributes {
			p.attributes.addBaggage(key, p.baggage.best)
		}
	}
	p.attributes.put(key{name: semconv.CorrelationEvidence, evidence: true})
	for _, name := range peerAttributes {
		p.attributes.put(key{name: name, peer: true})
	}
	return p, nil
}

// keys finds the rank of an attribute's key. Most keys differ in their length.
type keys struct {
	best     rank
	lengths  uint64 // a bit for each length that some key has, the longest ones together
	byLength [longestKey + 1][]key
}

// longestKey is the length from which on keys share one list.
const longestKey = 64

type key struct {
	name     string
	rank     rank
	baggage  bool // the value is W3C baggage; rank is that of the best member
	peer     bool // the value is the service that a client calls
	evidence bool // the value is what an earlier collector wrote about the ID
}

func newKeys() keys { return keys{best: unranked} }

func (k *keys) add(name string, r rank) { k.put(key{name: name, rank: r}) }

func (k *keys) addBaggage(name string, r rank) { k.put(key{name: name, rank: r, baggage: true}) }

// put keeps the first one of two by one name.
func (k *keys) put(one key) {
	if k.find(one.name) == nil {
		list := &k.byLength[min(len(one.name), longestKey)]
		*list = append(*list, one)
		k.lengths |= lengthBit(one.name)
		k.best = min(k.best, one.rank)
	}
}

func lengthBit(name string) uint64 { return 1 << min(len(name), 63) }

func (k *keys) find(name string) *key {
	list := k.byLength[min(len(name), longestKey)]
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// foldedKeys finds the source of a key of a log body. Letter case and all but letters
// and digits make no difference: request_id is also requestId, RequestID, request-id and request.id.
type foldedKeys struct {
	best  int
	begin [256]bool // the bytes that a key may begin with
	end   [256]bool // and end with
	index map[string]int
}

func newFoldedKeys() foldedKeys {
	return foldedKeys{best: int(unranked), index: make(map[string]int)}
}

// add keeps the first one of two by one name.
func (k *foldedKeys) add(name string, value int) {
	name = folded(name)
	if _, ok := k.index[name]; ok {
		return
	}
	k.index[name] = value
	k.best = min(k.best, value)
	k.begin[name[0]] = true
	k.begin[strings.ToUpper(name[:1])[0]] = true
	last := name[len(name)-1:]
	k.end[last[0]], k.end[strings.ToUpper(last)[0]] = true, true
}

// find looks the name up; outer, if it is not "", is the name of what it is in, as in outer.name.
func (k *foldedKeys) find(outer, name string) (int, bool) {
	if outer == "" {
		return k.findIn(nil, name)
	}
	return k.findIn([]string{outer}, name)
}

// findIn looks up the name with the names of all that it is in before it.
func (k *foldedKeys) findIn(outer []string, name string) (int, bool) {
	first := name
	if len(outer) > 0 {
		first = outer[0]
	}
	if first == "" || name == "" || !k.begin[first[0]] && isAlphanumeric(first[0]) {
		return 0, false
	}
	if last := name[len(name)-1]; !k.end[last] && isAlphanumeric(last) {
		return 0, false
	}
	var buffer [longestKey]byte
	n := 0
	for _, one := range outer {
		if n = fold(&buffer, n, one); n == 0 {
			return 0, false
		}
	}
	n = fold(&buffer, n, name)
	value, ok := k.index[string(buffer[:n])]
	return value, ok
}

func folded(name string) string {
	var buffer [longestKey]byte
	return string(buffer[:fold(&buffer, 0, name)])
}

// fold appends the letters, in lower case, and digits of the name to the n bytes there and returns
// how many there are then, 0 if they are too many.
func fold(buffer *[longestKey]byte, n int, name string) int {
	for i := range len(name) {
		c := name[i]
		if !isAlphanumeric(c) {
			continue
		}
		if n == len(buffer) {
			return 0
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buffer[n] = c
		n++
	}
	return n
}
