package correlation

import "strings"

// pairs reads what looks like key=value, key="value" or key: value from text, in order.
type pairs struct {
	text string
	pos  int
}

// next returns the next pair. It looks back from a separator at most longestKey bytes for the
// key, so the work is linear in the text.
func (p *pairs) next() (key, value string, ok bool) {
	for p.pos < len(p.text) {
		at := p.pos + strings.IndexAny(p.text[p.pos:], "=:")
		if at < p.pos {
			break
		}
		p.pos = at + 1
		key = keyBefore(p.text, at)
		if key == "" {
			continue
		}
		if value = valueAfter(p.text, at); value != "" {
			return key, value, true
		}
	}
	return "", "", false
}

func keyBefore(text string, end int) string {
	if end > 0 && (text[end-1] == '"' || text[end-1] == '\'') {
		end--
	}
	start := end
	for start > 0 && end-start <= longestKey && isKeyByte(text[start-1]) {
		start--
	}
	if end-start > longestKey {
		return ""
	}
	return text[start:end]
}

func isKeyByte(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' || c == '.' }

func valueAfter(text string, separator int) string {
	start := separator + 1
	for text[separator] == ':' && start < len(text) && text[start] == ' ' {
		start++
	}
	if start < len(text) && (text[start] == '"' || text[start] == '\'') {
		end := strings.IndexByte(text[start+1:], text[start])
		if end < 0 {
			return ""
		}
		return text[start+1 : start+1+end]
	}
	end := start
	for end < len(text) && !endsValue(text[end]) {
		end++
	}
	return text[start:end]
}

func endsValue(c byte) bool {
	return c <= ' ' || c >= 0x7f || strings.IndexByte(`,;"'()[]{}<>&`, c) >= 0
}

// uuidLength is the length of a UUID as text.
const uuidLength = 36

// enclosedUUID returns the first UUID that stands between the two bytes, and nothing else there.
func enclosedUUID(text string, left, right byte) (string, bool) {
	for {
		at := strings.IndexByte(text, left)
		if at < 0 || len(text) < at+uuidLength+2 {
			return "", false
		}
		if id := text[at+1 : at+1+uuidLength]; text[at+1+uuidLength] == right && isUUID(id) {
			return id, true
		}
		text = text[at+1:]
	}
}

func isUUID(text string) bool {
	for i := range len(text) {
		switch i {
		case 8, 13, 18, 23:
			if text[i] != '-' {
				return false
			}
		default:
			if !isHex(text[i]) {
				return false
			}
		}
	}
	return len(text) == uuidLength
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
