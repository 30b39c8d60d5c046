// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // calendar windows must not depend on the machine's time zones
	"unicode"

	"go.yaml.in/yaml/v3"
)

// The forms of single values. Lengths are generous bounds.
const (
	maxName = 255
	maxText = 4096
	maxURL  = 2048
)

// A check returns the problem of a text, "" if there is none.
type check func(s string) (message, fix string)

// text is a string of at most so many bytes that passes the checks.
func text(name string, limit int, s schema, checks ...check) shape[string] {
	checks = append([]check{bounded(limit)}, checks...)
	return shape[string]{
		name:   name,
		schema: merge(schema{"type": "string", "minLength": 1, "maxLength": limit}, s),
		read: func(r *reader, at place, into *string) bool {
			if !isText(at.node) {
				fix := "write text"
				if at.node.Kind == yaml.ScalarNode {
					fix = "put it in quotes"
				}
				r.problem(at, "is "+kindName(at.node)+", not text", fix)
				return false
			}
			*into = at.node.Value
			return r.pass(at, at.node.Value, checks...)
		},
		write: func(v string) *yaml.Node {
			if v == "" {
				return nil
			}
			return textNode(v)
		},
	}
}

// isText accepts dates as text too, as YAML 1.2 does.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp")
}

// pass reports the first check that a text fails.
func (r *reader) pass(at place, s string, checks ...check) bool {
	for _, c := range checks {
		if message, fix := c(s); message != "" {
			r.problem(at, message, fix)
			return false
		}
	}
	return true
}

func bounded(limit int) check {
	return func(s string) (string, string) {
		switch {
		case s == "":
			return "is empty", "write a value, or delete the line"
		case len(s) > limit:
			return fmt.Sprintf("is %d bytes long", len(s)), fmt.Sprintf("write at most %d", limit)
		}
		return "", ""
	}
}

// printable rejects control characters; lines allows line breaks and tabs.
func printable(lines bool) check {
	return func(s string) (string, string) {
		for _, c := range s {
			if unicode.IsControl(c) && (!lines || c != '\n' && c != '\t') || c == '\u2028' || c == '\u2029' {
				return fmt.Sprintf("contains the control character %U", c), "delete it"
			}
		}
		return "", ""
	}
}

func matches(re *regexp.Regexp, message, fix string) check {
	return func(s string) (string, string) {
		if !re.MatchString(s) {
			return quote(s) + " " + message, fix
		}
		return "", ""
	}
}

const (
	singleLinePattern = `^[^\p{Cc}\x{2028}\x{2029}]*$`
	namePattern       = `^[^\p{Cc}\x{2028}\x{2029}/\\. ]([^\p{Cc}\x{2028}\x{2029}/\\]*[^\p{Cc}\x{2028}\x{2029}/\\ ])?$`
	sloNamePattern    = `^[A-Za-z0-9]([-A-Za-z0-9_.]{0,126}[A-Za-z0-9])?$`
	labelKeyPattern   = `^[A-Za-z0-9_]([-A-Za-z0-9_./]{0,61}[A-Za-z0-9_])?$`
	labelPattern      = `^[a-zA-Z_][a-zA-Z0-9_]*$`
	groupPattern      = `^[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z0-9][a-zA-Z0-9_]*)*$`
	urlPattern        = `^[hH][tT][tT][pP][sS]?://[^/?#]`
	emailPattern      = `^[^@\s]+@[^@\s]+$`
)

// ecma writes a pattern of Go so that ECMAScript, JSON Schema's dialect, reads it too.
func ecma(pattern string) schema {
	return schema{"pattern": strings.NewReplacer(`\p{Cc}`, `\x00-\x1f\x7f-\x9f`, `\x{2028}\x{2029}`, ``).Replace(pattern)}
}

var (
	nameRegexp     = regexp.MustCompile(namePattern)
	sloNameRegexp  = regexp.MustCompile(sloNamePattern)
	labelKeyRegexp = regexp.MustCompile(labelKeyPattern)
	// prometheusLabel are the names of labels that every version of Prometheus accepts.
	prometheusLabel = regexp.MustCompile(labelPattern)
	emailRegexp     = regexp.MustCompile(emailPattern)
)

var (
	line       = text("text", maxName, ecma(singleLinePattern), printable(false))
	prose      = text("text", maxText, nil, printable(true))
	name       = text("name", maxName, ecma(namePattern), nameChecks...)
	sloName    = text("name", 128, ecma(sloNamePattern), sloNameCheck)
	labelKey   = text("name", 63, ecma(labelKeyPattern), matches(labelKeyRegexp, "is not a label name", "use letters, digits, - _ . and /"))
	webAddress = text("URL", maxURL, merge(ecma(urlPattern), schema{"format": "uri"}), printable(false), checkURL)
	email      = text("address", maxName, ecma(emailPattern), printable(false), matches(emailRegexp, "is not an email address", "write name@example.com"))
)

// nameChecks are the checks of names of services and namespaces, which become parts of file names.
var nameChecks = []check{printable(false), matches(nameRegexp, "is not a name", "use no slash or backslash, and no dot or space at the ends")}

var sloNameCheck = matches(sloNameRegexp, "is not an SLO name", "use at most 128 letters, digits, - _ and ., a letter or digit at both ends")

func checkURL(s string) (string, string) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return quote(s) + " is not a web address", "write https://…"
	}
	return "", ""
}

// oneOf is one of a few words.
func oneOf[T ~string](words ...T) shape[T] {
	names := make([]string, len(words))
	enum := make([]any, len(words))
	for i, w := range words {
		names[i], enum[i] = string(w), string(w)
	}
	inner := text("`"+strings.Join(names, "` \\| `")+"`", maxName, nil)
	return shape[T]{
		name:   inner.name,
		schema: schema{"enum": enum},
		read: func(r *reader, at place, into *T) bool {
			var s string
			if !inner.read(r, at, &s) {
				return false
			}
			for _, w := range words {
				if s == string(w) {
					*into = w
					return true
				}
			}
			r.problem(at, quote(s)+" is not one of them", meant(s, names))
			return false
		},
		write: func(v T) *yaml.Node { return inner.write(string(v)) },
	}
}

var boolean = shape[bool]{
	name: "boolean", schema: schema{"type": "boolean"},
	read: func(r *reader, at place, into *bool) bool {
		if at.node.Kind != yaml.ScalarNode || at.node.Tag != "!!bool" || at.node.Decode(into) != nil {
			r.problem(at, "is "+kindName(at.node)+", neither true nor false", "write true or false")
			return false
		}
		return true
	},
	write: func(v bool) *yaml.Node { return scalar("!!bool", strconv.FormatBool(v)) },
}

var tier = shape[int]{
	name: "1 to 4", schema: schema{"type": "integer", "minimum": 1, "maximum": 4},
	read: func(r *reader, at place, into *int) bool {
		if at.node.Kind != yaml.ScalarNode || at.node.Tag != "!!int" || at.node.Decode(into) != nil || *into < 1 || *into > 4 {
			r.problem(at, "is "+kindName(at.node)+", not a tier", "write 1 (most important), 2, 3 or 4")
			return false
		}
		return true
	},
	write: func(v int) *yaml.Node { return scalar("!!int", strconv.Itoa(v)) },
}

// almostNumber is a percentage as people write it elsewhere.
var almostNumber = regexp.MustCompile(`^\d{1,3}(,\d{1,12}|([.,]\d{1,12})? ?%)$`)

var objective = shape[float64]{
	name:   "percent",
	schema: schema{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
	read: func(r *reader, at place, into *float64) bool {
		v, ok := number(at.node)
		if !ok {
			fix := "write the percentage of good events, such as 99.9"
			if text := at.node.Value; at.node.Kind == yaml.ScalarNode && almostNumber.MatchString(text) {
				fix = "write " + strings.TrimRight(strings.Replace(text, ",", ".", 1), " %") + ", with a point and without %"
			}
			r.problem(at, "is "+kindName(at.node)+", not a percentage", fix)
			return false
		}
		*into = v
		return r.pass(at, at.node.Value, checkObjective(v))
	},
	write: numberNode,
}

func checkObjective(v float64) check {
	return func(string) (string, string) {
		switch {
		case v >= 100:
			return formatNumber(v) + " leaves no error budget", "write less than 100, such as 99.9"
		case v <= 0 || math.IsNaN(v):
			return formatNumber(v) + " is not an objective", "write more than 0, such as 99.9"
		}
		return "", ""
	}
}

// lowObjective is the percentage below which an objective is almost always a share by mistake: 0.999 for 99.9.
const lowObjective = 50

func likelyObjective(v float64) check {
	return func(string) (string, string) {
		if v <= 0 || v >= lowObjective || math.IsNaN(v) {
			return "", ""
		}
		message, fix := formatNumber(v)+" % is a low objective", "write the percentage of good events, or add allowLowObjective: true"
		if v < 1 {
			fix = "did you mean " + formatNumber(timesTen(v, 2)) + "? Else add allowLowObjective: true"
		}
		return message, fix
	}
}

func number(n *yaml.Node) (v float64, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!float" && n.Tag != "!!int" || n.Decode(&v) != nil {
		return 0, false
	}
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func numberNode(v float64) *yaml.Node {
	s := formatNumber(v)
	if strings.Contains(s, ".") {
		return scalar("!!float", s)
	}
	if len(s) > 18 { // longer than YAML's integers
		return scalar("!!float", strconv.FormatFloat(v, 'e', -1, 64))
	}
	return scalar("!!int", s)
}

var moment = shape[time.Time]{
	name:   "time",
	schema: schema{"type": "string", "format": "date-time"},
	read: func(r *reader, at place, into *time.Time) bool {
		t, err := time.Parse(time.RFC3339, at.node.Value)
		if at.node.Kind != yaml.ScalarNode || err != nil {
			r.problem(at, "is "+kindName(at.node)+", not a time", "write RFC 3339, such as 2026-01-31T22:00:00Z")
			return false
		}
		*into = t.UTC()
		return true
	},
	write: func(t time.Time) *yaml.Node { return scalar("!!timestamp", t.UTC().Format(time.RFC3339Nano)) },
}

// localTime is a date, or a date and time, without a zone. It is kept as a time in UTC.
var localTime = shape[time.Time]{
	name:   "date or local time",
	schema: schema{"type": "string"},
	read: func(r *reader, at place, into *time.Time) bool {
		t, ok := parseLocalTime(at.node.Value)
		if at.node.Kind != yaml.ScalarNode || !ok {
			r.problem(at, "is "+kindName(at.node)+", not a date or local time", "write 2026-01-04, or 2026-01-04 06:00:00")
			return false
		}
		*into = t
		return true
	},
	write: func(t time.Time) *yaml.Node {
		if t.IsZero() {
			return nil
		}
		return textNode(strings.TrimSuffix(t.Format(time.DateTime), " 00:00:00"))
	},
}

func parseLocalTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, t.Year() >= 1900 && t.Year() <= 2200
		}
	}
	return time.Time{}, false
}

var timeZone = shape[*time.Location]{
	name:   "IANA time zone",
	schema: schema{"type": "string", "minLength": 1, "maxLength": maxName},
	read: func(r *reader, at place, into **time.Location) bool {
		var zone string
		if !line.read(r, at, &zone) {
			return false
		}
		location, err := loadLocation(zone)
		if err != nil {
			r.problem(at, quote(zone)+" is not a time zone", "write an IANA name, such as Europe/Madrid or UTC")
			return false
		}
		*into = location
		return true
	},
	write: func(l *time.Location) *yaml.Node {
		if l == nil {
			return nil
		}
		return textNode(l.String())
	},
}

// loadLocation knows what time.LoadLocation knows, except Local: a catalog must mean the
// same everywhere.
func loadLocation(zone string) (*time.Location, error) {
	if zone == "" || zone == "Local" {
		return nil, errors.New("not a place")
	}
	return time.LoadLocation(zone)
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

func textNode(s string) *yaml.Node {
	n := scalar("!!str", s)
	if strings.ContainsAny(s, "\n\t") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
