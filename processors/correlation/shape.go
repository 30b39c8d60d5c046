// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"math/bits"
	"strings"
)

// Bounds of what looks like an ID: it has enough letters and digits, enough different ones, and is not a number that
// something counts. Text has to show more than a field that is named for the ID.
const (
	shortestField      = 6
	shortestText       = 8
	fewestDifferent    = 3
	fewestInText       = 4
	shortestSpanNumber = 8
	shortestLogNumber  = 12
	shortestTextNumber = 16
	longestCounter     = 3
	shortestWordID     = 16
)

// plausible reports whether a value from a source of the default list looks like an ID, given where it was found.
// Words, small numbers, versions, dates and addresses do not.
func plausible(id string, by evidence) bool {
	if len(id) == uuidLength && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' && id[0] != id[1] && id[0] != id[2] && id[1] != id[2] && isUUID(id) {
		return true // most are
	}
	s := shapeOf(id)
	least, different, number := shortestField, fewestDifferent, shortestSpanNumber
	switch {
	case by.weak():
		least, different, number = shortestText, fewestInText, shortestTextNumber
	case by < spanEvidence:
		number = shortestLogNumber
	}
	switch {
	case s.letters+s.digits < least || s.different < different:
		return false
	case s.letters == 0:
		return s.digits >= number && s.digits == len(id)
	case s.digits == 0:
		return len(id) >= shortestWordID && s.letters == len(id) && s.turns >= 3
	case by == spanEvidence:
		return true
	}
	if isRequestCounter(id) || by.weak() && s.turns < 3 && isCounter(id) {
		return false
	}
	return !isName(id) && (!by.weak() || !isAddress(id) && !strings.HasPrefix(id, "0x"))
}

// plausible is plausible for a value of the source. Many things have a unique_id; Apache's has 24 or 27 characters.
func (p *plan) plausible(r rank, id string, by evidence) bool {
	if p.apache[r] && len(id) != 24 && len(id) != 27 {
		return false
	}
	return plausible(id, by)
}

type shape struct {
	letters, digits int
	different       int // letters and digits
	turns           int // from lower to upper case or back
}

func shapeOf(id string) (s shape) {
	var seen [2]uint64
	var last byte
	for i := range len(id) {
		c := id[i]
		switch {
		case '0' <= c && c <= '9':
			s.digits++
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			s.letters++
			if i > 0 && (last^c)&0x20 != 0 && last >= 'A' {
				s.turns++
			}
		default:
			last = c
			continue
		}
		last = c
		seen[c>>6] |= 1 << (c & 63)
	}
	s.different = bits.OnesCount64(seen[0]) + bits.OnesCount64(seen[1])
	return s
}

// isRequestCounter reports Fastify's req-1a2, which counts the requests of one process, with letters, too.
func isRequestCounter(id string) bool {
	return strings.HasPrefix(id, "req-") && len(id) <= len("req-zzzzzz")
}

// isCounter reports a name with a small number behind it, such as worker-12, or with a year, such as november2026; but not order-4711.
func isCounter(id string) bool {
	end := strings.TrimRight(id, "0123456789")
	most := longestCounter
	if end != "" && end[len(end)-1]|0x20 >= 'a' && end[len(end)-1]|0x20 <= 'z' {
		most = len("2026")
	}
	if digits := len(id) - len(end); digits == 0 || digits > most {
		return false
	}
	return strings.Count(end, "-")+strings.Count(end, "_") <= 2 && !strings.ContainsAny(end, "0123456789")
}

// isName reports dotted names and versions: com.example.Api2, v1.27.3.
func isName(id string) bool {
	words, parts := 0, 0
	for part := range strings.SplitSeq(id, ".") {
		parts++
		if len(part) > 2 && strings.IndexFunc(part, func(r rune) bool { return r < 'A' || r > 'z' || 'Z' < r && r < 'a' }) < 0 {
			words++
		}
	}
	return parts > 1 && words > 1 || parts > 2 && len(id) <= 12
}

// isAddress reports URLs, paths, e-mail addresses, and dates.
func isAddress(id string) bool {
	if strings.HasPrefix(id, "/") || strings.Contains(id, "://") || strings.Contains(id, "@") {
		return true
	}
	return len(id) >= 10 && id[4] == '-' && id[7] == '-' && strings.Trim(id, "0123456789-:.TZ+") == ""
}

// isHexID reports a UUID, or at least 16 hexadecimal digits.
func isHexID(id string) bool {
	if isUUID(id) {
		return true
	}
	if len(id) < 16 {
		return false
	}
	for i := range len(id) {
		if !isHex(id[i]) {
			return false
		}
	}
	return true
}
