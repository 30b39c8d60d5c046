// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import "strings"

// place finds an ID at a place in a line that a format fixes; "" is none.
type place func(line string) string

// places are the formats by the name of their source.
var places = map[string]place{
	textBracketedUUID: bracketedID,
	textQuotedUUID:    func(line string) string { id, _ := enclosedUUID(line, '"', '"'); return id },
	textAccessLog:     accessLogID,
	textLambda:        lambdaID,
	textOpenStack:     openStackID,
	textModSecurity:   modSecurityID,
	textChi:           chiID,
	textHAProxy:       haproxyID,
}

// unwrapped takes off what container runtimes and syslog write before a line.
func unwrapped(line string) string {
	for range maxWrappers {
		rest, ok := unwrappedOnce(line)
		if !ok {
			return line
		}
		line = rest
	}
	return line
}

func unwrappedOnce(line string) (string, bool) {
	if line == "" {
		return "", false
	}
	first, rest, _ := strings.Cut(line, " ")
	switch {
	case isTimestamp(first): // CRI: time, stream, F or P, and the line
		stream, rest, _ := strings.Cut(rest, " ")
		flag, rest, ok := strings.Cut(rest, " ")
		if ok && (stream == "stdout" || stream == "stderr") && (flag == "F" || flag == "P") {
			return rest, true
		}
		if ok && strings.HasSuffix(flag, "]:") && strings.IndexByte(flag, '[') > 0 { // host and program[17], as rsyslog and journald write them
			return rest, true
		}
	case line[0] == '<': // syslog
		priority, rest, ok := strings.Cut(line[1:], ">")
		if !ok || len(priority) > 3 || strings.Trim(priority, "0123456789") != "" {
			return "", false
		}
		if behind, ok := strings.CutPrefix(rest, "1 "); ok {
			return syslogMessage(behind)
		}
		return behindProgram(rest)
	case strings.HasPrefix(rest, "| ") && strings.ContainsAny(first, "-_"): // Compose
		return rest[2:], true
	case len(first) == 3 && isMonth(first):
		return behindProgram(line)
	default: // Compose pads the name
		if rest = strings.TrimLeft(rest, " "); strings.HasPrefix(rest, "| ") && strings.ContainsAny(first, "-_") {
			return rest[2:], true
		}
	}
	return "", false
}

// behindLevel is the message of Python's LEVEL:logger:message.
func behindLevel(line string) (string, bool) {
	level, rest, ok := strings.Cut(line, ":")
	if !ok || len(level) < 4 || !levels.has(level) || strings.ToUpper(level) != level {
		return "", false
	}
	logger, rest, ok := strings.Cut(rest, ":")
	return rest, ok && logger != "" && strings.IndexFunc(logger, func(r rune) bool { return r >= 0x80 || !isKeyByte(byte(r)) }) < 0
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

func isMonth(word string) bool { return strings.Contains(months, word) }

// syslogMessage is the message of RFC 5424, behind time, host, application, process, message ID and structured data.
func syslogMessage(line string) (string, bool) {
	for range 5 {
		_, rest, ok := strings.Cut(line, " ")
		if !ok {
			return "", false
		}
		line = rest
	}
	for strings.HasPrefix(line, "[") && (len(line) <= uuidLength+1 || !isUUID(line[1:1+uuidLength])) { // Heroku writes no structured data
		end := 1
		for end < len(line) && line[end] != ']' {
			if line[end] == '"' {
				if quote := closing(line, end); quote > 0 {
					end = quote
				}
			}
			end++
		}
		if end >= len(line) {
			return "", false
		}
		line = line[end+1:]
	}
	line = strings.TrimPrefix(line, "-")
	return strings.TrimPrefix(strings.TrimPrefix(line, " "), "\ufeff"), true
}

// behindProgram is the message of RFC 3164, behind "program: " or "program[17]: ".
func behindProgram(line string) (string, bool) {
	const longestHeader = 160
	header := line[:min(len(line), longestHeader)]
	for at := 0; ; {
		next := strings.Index(header[at:], ": ")
		if next < 0 {
			return "", false
		}
		at += next
		words := strings.Fields(header[:at])
		if len(words) == 5 { // month, day, time, host, program
			return line[at+2:], true
		}
		if len(words) > 5 {
			return "", false
		}
		at += 2
	}
}

// isTimestamp tells a time in the form of ISO 8601.
func isTimestamp(word string) bool {
	return len(word) >= 19 && word[4] == '-' && word[7] == '-' && (word[10] == 'T' || word[10] == ' ') && word[13] == ':' &&
		isDigit(word[0]) && strings.Trim(word[11:], "0123456789:.,+-Z") == ""
}

// bracketedID finds a UUID, with or without its dashes, alone in square brackets before the message: Rails' tags, the filters
// of Django and ASGI, the MDC of Java. Before it is only what a logger writes before a message.
func bracketedID(line string) string {
	separated := false // the word before is only punctuation
	leveled := false   // there was a level
	for rest := line; ; {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return ""
		}
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return ""
			}
			in := rest[1:end]
			if isUUID(in) || len(in) == 32 && isHexID(in) {
				return in
			}
			rest = rest[end+1:]
			continue
		}
		end := strings.IndexAny(rest, " \t")
		if end < 0 {
			return ""
		}
		word := rest[:end]
		rest = rest[end:]
		if leveled && separated && isUUID(word) && strings.HasPrefix(rest, " | ") {
			return word
		}
		if !isPrefixWord(word) && (!separated || !strings.HasPrefix(rest, " - ") && !strings.HasPrefix(rest, " | ")) {
			return ""
		}
		separated = word == "-" || word == "|"
		leveled = leveled || levels.has(word)
	}
}

var levels = wordSet(`trace debug info information notice warn warning error err critical crit fatal alert emerg emergency panic severe fine
	finer finest config d i w e f v t`)

// isPrefixWord tells what loggers write before a message: dates, times, numbers, levels, names with dots, and punctuation.
func isPrefixWord(word string) bool {
	word = strings.Trim(word, `:,|-;<>="'()`)
	if word == "" || levels.has(word) {
		return true
	}
	if isMonth(word) && len(word) == 3 {
		return true
	}
	digits := strings.IndexAny(word, "0123456789")
	switch {
	case strings.Trim(word, "0123456789:.,/-TZ+#UC") == "" && digits >= 0:
		return true
	case strings.HasSuffix(word, "]"): // program[17]
		return strings.IndexByte(word, '[') > 0
	}
	// A logger's name: com.example.Shop, shop.orders:17
	return strings.Count(word, ".") > 0 && !strings.HasSuffix(word, ".") && strings.IndexFunc(word, func(r rune) bool {
		return r >= 0x80 || !isKeyByte(byte(r)) && r != ':' && r != '$'
	}) < 0
}

// accessLogID finds the ID in the access logs of Envoy and Istio (the third of the quoted fields from the end), ingress-nginx (the last
// field), and API Gateway (the last field, behind status and length).
func accessLogID(line string) string {
	last := strings.LastIndexByte(line, '"')
	if last < 0 {
		return ""
	}
	if strings.HasPrefix(line, "[") && strings.Contains(line, `] "`) {
		return envoyID(line, last)
	}
	tail := line[last+1:]
	at := strings.LastIndexByte(tail, ' ')
	if at < 0 {
		return ""
	}
	id := strings.TrimRight(tail[at+1:], "\r\n")
	fields := strings.Fields(tail[:at])
	switch {
	case isUUID(id) && len(fields) == 2 && isStatus(fields[0]) && isCount(fields[1]):
		return id
	case len(id) == 32 && isHexID(id) && len(fields) >= 6 && isCount(fields[0]) && isNumber(fields[1]) && fields[2][0] == '[':
		return id
	}
	return ""
}

func isStatus(word string) bool { return len(word) == 3 && isCount(word) }

func isCount(word string) bool { return word == "-" || strings.Trim(word, "0123456789") == "" }

// envoyID reads the last run of quoted fields backwards: the upstream's host, the authority, the ID. What a client may write, its
// user agent and what it says of where it comes from, is before them.
func envoyID(line string, end int) string {
	for n := 1; ; n++ {
		start := strings.LastIndexByte(line[:end], '"')
		if start < 0 {
			return ""
		}
		if n == 3 {
			if id := line[start+1 : end]; start > 1 && line[start-2:start] == `" ` && len(id) >= shortestText {
				return id
			}
			return ""
		}
		if start < 2 || line[start-2:start] != `" ` {
			return ""
		}
		end = start - 2
	}
}

// lambdaID finds the ID of the invocation in what the runtimes of AWS Lambda write.
func lambdaID(line string) string {
	for _, prefix := range [...]string{"START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "RequestId: "} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			if len(rest) >= uuidLength && isUUID(rest[:uuidLength]) && (len(rest) == uuidLength || rest[uuidLength] <= ' ') {
				return rest[:uuidLength]
			}
			return ""
		}
	}
	if id := lambdaText(line); id != "" {
		return id
	}
	if len(line) > uuidLength+2 && line[0] == '(' && isUUID(line[1:1+uuidLength]) && strings.HasPrefix(line[1+uuidLength:], ") ") {
		return line[1 : 1+uuidLength] // an execution log of API Gateway
	}
	for i := range 3 { // time, ID, level; or level, time, ID
		word, rest, ok := strings.Cut(line, "\t")
		switch {
		case !ok:
			return ""
		case i > 0 && isUUID(word):
			return word
		case !isTimestamp(word) && !strings.HasPrefix(word, "["):
			return ""
		}
		line = rest
	}
	return ""
}

// lambdaText finds an ID between the time and a level, or before what the runtime says of a timeout.
func lambdaText(line string) string {
	rest := line
	for range 3 {
		word, behind, ok := strings.Cut(rest, " ")
		switch {
		case !ok:
			return ""
		case isUUID(word):
			next, _, _ := strings.Cut(behind, " ")
			if len(rest) < len(line) && (len(next) >= 4 && levels.has(next) || strings.HasPrefix(behind, "Task timed out")) {
				return word
			}
			return ""
		case strings.Trim(word, "0123456789-:.,TZ") != "" || word == "":
			return ""
		}
		rest = behind
	}
	return ""
}

// openStackID finds the ID in the context that oslo.log writes: [req-UUID user project] or [None req-UUID user project].
func openStackID(line string) string {
	const prefix = "req-"
	at := strings.Index(line, "[req-")
	if at < 0 {
		if at = strings.Index(line, "[None req-"); at < 0 {
			return ""
		}
		at += len("None ")
	}
	id := line[at+1:]
	if len(id) <= len(prefix)+uuidLength || !isUUID(id[len(prefix):len(prefix)+uuidLength]) {
		return ""
	}
	if c := id[len(prefix)+uuidLength]; c != ' ' && c != ']' {
		return ""
	}
	return id[:len(prefix)+uuidLength]
}

// modSecurityID finds [unique_id "..."], which ModSecurity and Coraza write into their messages.
func modSecurityID(line string) string {
	const mark = `[unique_id "`
	at := strings.LastIndex(line, mark)
	if at < 0 || !strings.Contains(line[:at+1], "ModSecurity") && !strings.Contains(line[:at+1], "Coraza") {
		return ""
	}
	id, _, ok := strings.Cut(line[at+len(mark):], `"]`)
	if !ok {
		return ""
	}
	return id
}

// chiID finds the ID of Go's chi and goji, [host/AbCdEfGhIj-000017], before the quoted request.
func chiID(line string) string {
	_, rest, ok := strings.Cut(line, "[")
	if !ok {
		return ""
	}
	id, rest, ok := strings.Cut(rest, "] ")
	slash := strings.LastIndexByte(id, '/')
	if !ok || slash < 1 || !strings.HasPrefix(rest, `"`) {
		return ""
	}
	random, number, ok := strings.Cut(id[slash+1:], "-")
	if !ok || len(random) != 10 || len(number) < 6 || !isCount(number) {
		return ""
	}
	return id
}

// haproxyID finds the ID of HAProxy's unique-id-format, seven hexadecimal numbers: 7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E.
func haproxyID(line string) string {
	if strings.Count(line, "_") < 3 {
		return ""
	}
	for word := range strings.FieldsSeq(line) {
		if len(word) < 40 || len(word) > 56 || strings.Count(word, "_") != 3 || strings.Count(word, ":") != 3 {
			continue
		}
		if strings.Trim(word, "0123456789ABCDEF_:") == "" {
			return word
		}
	}
	return ""
}
