// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// hashLength is the length of a hashed ID: 128 bits in hexadecimal.
const hashLength = 32

// longestHashed is the longest value that is hashed; a longer one is not an ID of anything.
const longestHashed = 4096

// hygiene cleans values from outside before they become an attribute. A clean ID has 1 to max
// bytes of: letters, digits and - _ . : / + = @ ~ |. That is every UUID, ULID, hexadecimal,
// base64 and base64url ID and .NET's hierarchical ones; it leaves out quotes, brackets, spaces, control
// characters and all else that means something to HTML, a shell, a query or a log line.
type hygiene struct {
	max         int
	lowerCase   bool
	hashInvalid bool
	key         []byte // of the keyed hash; nil is none
}

func newHygiene(c *Config) hygiene {
	h := hygiene{max: c.MaxLength, lowerCase: c.LowerCase, hashInvalid: c.OnInvalid == invalidHash}
	if c.HashKey != "" {
		h.key = []byte(c.HashKey)
	}
	return h
}

// verdict is what hygiene thinks of a value.
type verdict uint8

const (
	clean   verdict = iota // an ID
	absent                 // no value, or what loggers write in place of one
	invalid                // dropped, if no ID came with it; hashed otherwise
)

// clean returns the ID of the value, "" for none. A value that is clean already is
// returned as it is, without an allocation.
func (h *hygiene) clean(value string) (string, verdict) {
	if h.key == nil && longestWord < len(value) && len(value) <= h.max && isPlain(value) && (value[0] != value[1] || value[1] != value[2]) {
		return value, clean // most are
	}
	if len(value) > longestHashed {
		return "", invalid
	}
	id := strings.TrimSpace(value)
	if len(id) == uuidLength+2 && id[0] == '{' && isUUID(id[1:1+uuidLength]) {
		id = id[1 : 1+uuidLength] // a GUID as Windows writes it
	}
	if placeholder(id) {
		return "", absent
	}
	if h.lowerCase || isHexID(id) {
		id = strings.ToLower(id) // hexadecimal digits are the same in both cases
	}
	if len(id) <= h.max && isSafe(id) {
		if h.key != nil {
			id = h.hash(id)
		}
		return id, clean
	}
	if h.hashInvalid {
		return h.hash(id), invalid
	}
	return "", invalid
}

// hash is the first 128 bits of the value's HMAC-SHA256, or SHA-256 without a key.
func (h *hygiene) hash(value string) string {
	var sum [sha256.Size]byte
	if h.key == nil {
		sum = sha256.Sum256([]byte(value))
	} else {
		mac := hmac.New(sha256.New, h.key)
		mac.Write([]byte(value))
		mac.Sum(sum[:0])
	}
	return hex.EncodeToString(sum[:hashLength/2])
}

// What a byte of a value may be.
const (
	isSafeByte  = 1 << iota // allowed in an ID
	tellsByte               // in an ID that is not only zeros and punctuation
	upperByte               // changes if the ID is written in lower case
	unsafeBytes             // the others
)

var classes = func() (t [256]byte) {
	for c := range t {
		switch {
		case 'A' <= c && c <= 'Z':
			t[c] = isSafeByte | tellsByte | upperByte
		case isAlphanumeric(byte(c)) && c != '0':
			t[c] = isSafeByte | tellsByte
		case c == '0', strings.IndexByte("-_.:/+=@~|", byte(c)) >= 0:
			t[c] = isSafeByte
		default:
			t[c] = unsafeBytes
		}
	}
	return t
}()

func classesIn(id string) (all byte) {
	for i := range len(id) {
		all |= classes[id[i]]
	}
	return all
}

func isSafe(id string) bool { return classesIn(id)&unsafeBytes == 0 }

// isPlain tells an ID that needs no second look, if it is longer than the words for none: it has no letter in upper case.
func isPlain(id string) bool { return classesIn(id) == isSafeByte|tellsByte }

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// placeholder reports values that are written in place of a missing ID: nothing, "-",
// "null", "test", UUIDs of zeros or of f, and the like. As an ID it would join all requests that have none.
func placeholder(id string) bool {
	if len(id) > longestWord && isUniform(id) {
		return true
	}
	for i := range len(id) {
		if id[i] >= 0x80 || isAlphanumeric(id[i]) && id[i] != '0' {
			return len(id) <= longestWord && isWordForNone(id)
		}
		if id[i] <= ' ' || id[i] == 0x7f {
			return false // it is invalid, and to be counted as that
		}
	}
	return true
}

// isUniform reports a text that repeats one letter or digit.
func isUniform(id string) bool {
	for i := range len(id) {
		if isAlphanumeric(id[i]) && id[i] != id[0] || id[i] > 0x7f {
			return false
		}
	}
	return isAlphanumeric(id[0])
}

const longestWord = len("x-request-id")

func isWordForNone(id string) bool {
	for _, word := range [...]string{
		"null", "nil", "none", "n/a", "na", "undefined", "unknown", "<nil>", "(null)", "<none>", "<null>", "nan", "unset", "empty",
		"true", "false", "test", "default", "missing", "required", "invalid", "string", "example", "todo", "tbd", "not set",
		"request_id", "request-id", "requestid", "x-request-id", "uuid", "guid",
	} {
		if strings.EqualFold(id, word) {
			return true
		}
	}
	return false
}

// isTraceID reports whether the ID is the trace's own ID, which is used if there is no other.
func isTraceID(id string, trace pcommon.TraceID) bool {
	if len(id) != hex.EncodedLen(len(trace)) {
		return false
	}
	var text [2 * len(trace)]byte
	hex.Encode(text[:], trace[:])
	return id == string(text[:])
}
