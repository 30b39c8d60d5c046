// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Bounds on the values that are looked at.
const (
	maxLevel    = 16 // of values within values
	maxElements = 8  // of a list: a header that came more than once
	maxValue    = 128
	maxKey      = 128
)

// idWords end the name of an attribute that holds an ID.
var idWords = words(`id ids identifier uuid guid ulid number no nr ref reference
	requestid correlationid orderid paymentid transactionid invoiceid messageid jobid`)

// commonWords are in the names of attributes whose values many requests have in common, or that are only a part of one.
var commonWords = words(`user enduser customer client account tenant session visitor member employee person organization
	organisation org team group owner device product item sku article store shop warehouse category campaign address
	process thread task host node pod container image cluster region zone cloud machine instance service server peer
	network telemetry deployment build commit vcs version feature experiment code line file db database query table
	partition shard offset sequence page port pid trace span parent tls status error exception browser os`)

func words(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// ofProcessor are the attributes that the correlation processor writes, which have rules of their own.
var ofProcessor = map[string]bool{
	semconv.CorrelationID: true, semconv.CorrelationConflict: true, semconv.CorrelationAliases: true, semconv.CorrelationIDs: true,
	semconv.CorrelationShared: true, semconv.CorrelationEvidence: true,
}

// identifies tells by its name whether an attribute holds an ID of a request, or of what the request is about: order.number,
// paymentId and http.request.header.x-request-id do, user.id and http.response.status_code do not.
func identifies(key string) bool {
	if strings.HasPrefix(key, "correlation.") && ofProcessor[key] || len(key) > maxKey {
		return false
	}
	last := ""
	for word := range wordsOf(key) {
		if commonWords[word] {
			return false
		}
		last = word
	}
	return idWords[last]
}

// wordsOf are the words of an attribute's name, in lower case: order.number, orderNumber and ORDER_NUMBER have the same.
func wordsOf(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		begin := 0
		for i := 0; i <= len(key); i++ {
			separator := i == len(key) || !isLetter(key[i]) && !isDigit(key[i])
			if !separator && (i == 0 || !isUpper(key[i]) || isUpper(key[i-1])) {
				continue
			}
			if begin < i && !yield(strings.ToLower(key[begin:i])) {
				return
			}
			if begin = i; separator {
				begin = i + 1
			}
		}
	}
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
func isLetter(c byte) bool { return isUpper(c) || 'a' <= c && c <= 'z' }

// distinct reports whether a text is unlikely to occur by chance: it has a digit and a letter, or at least five
// digits, and no character that an ID does not have.
func distinct(text string) bool {
	const shortest, shortestNumber = 3, 5
	if len(text) < shortest || len(text) > maxValue {
		return false
	}
	digits, letters := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c):
			digits++
		case isLetter(c):
			letters++
		case strings.IndexByte("-_.:/+=@~|", c) < 0:
			return false
		}
	}
	return digits > 0 && (letters > 0 || digits >= shortestNumber)
}

// attributeMaps are the attributes of the record: of a span also those of its events, of a log record also those in its body.
func (r Record) attributeMaps() iter.Seq[pcommon.Map] {
	return func(yield func(pcommon.Map) bool) {
		if !yield(r.Attributes()) {
			return
		}
		if !r.IsSpan {
			if body := r.Log.Body(); body.Type() == pcommon.ValueTypeMap {
				yield(body.Map())
			}
			return
		}
		for _, event := range r.Span.Events().All() {
			if !yield(event.Attributes()) {
				return
			}
		}
	}
}

// ids are the values of the record's attributes that identify a request.
func (r Record) ids() iter.Seq[string] {
	return func(yield func(string) bool) {
		for attributes := range r.attributeMaps() {
			for key, value := range attributes.All() {
				if !identifies(key) {
					continue
				}
				for text := range texts(value) {
					if distinct(text) && !yield(text) {
						return
					}
				}
			}
		}
	}
}

// texts are a text, an integer, or the first texts of a list.
func texts(value pcommon.Value) iter.Seq[string] {
	return func(yield func(string) bool) {
		switch value.Type() {
		case pcommon.ValueTypeStr:
			yield(value.Str())
		case pcommon.ValueTypeInt:
			yield(strconv.FormatInt(value.Int(), 10))
		case pcommon.ValueTypeSlice:
			for i := range min(value.Slice().Len(), maxElements) {
				if of := value.Slice().At(i); of.Type() == pcommon.ValueTypeStr && !yield(of.Str()) {
					return
				}
			}
		}
	}
}

// bodyWords are the distinct words in what a log record says.
func bodyWords(body pcommon.Value, level int) iter.Seq[string] {
	return func(yield func(string) bool) {
		if level > maxLevel {
			return
		}
		switch body.Type() {
		case pcommon.ValueTypeStr:
			for word := range strings.FieldsFuncSeq(body.Str(), func(r rune) bool { return !inWord(r) }) {
				if distinct(word) && !yield(word) {
					return
				}
			}
		case pcommon.ValueTypeMap:
			for _, value := range body.Map().All() {
				for word := range bodyWords(value, level+1) {
					if !yield(word) {
						return
					}
				}
			}
		case pcommon.ValueTypeSlice:
			for _, value := range body.Slice().All() {
				for word := range bodyWords(value, level+1) {
					if !yield(word) {
						return
					}
				}
			}
		default:
			for text := range texts(body) {
				if distinct(text) && !yield(text) {
					return
				}
			}
		}
	}
}

// hasWord reports whether the text contains the word, and not only as a part of a longer one.
func hasWord(text, word string) bool {
	for from := 0; word != ""; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(word):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		from = at + 1
	}
	return false
}

func inWord(r rune) bool {
	return r == '-' || r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
