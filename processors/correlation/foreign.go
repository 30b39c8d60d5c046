// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"slices"
	"strings"
)

// foreignMarks are in the messages of clients that name the ID of their own call as a request ID: the SDKs of AWS, Azure and Google,
// Kafka's client, drivers of databases, JSON-RPC, and the APIs of others.
var foreignMarks = [...]string{
	"HostID:", "HostId:", "api error ", "operation error ", "S3 Extended", "Error Code:", "Status Code:", "status code:", "StatusCode:", "ResponseMetadata",
	"botocore", "boto3", "amazonaws", "Amazon", "AWS", "aws-sdk", "x-amz-", "x-amzn-", "Service: ",
	"x-ms-", "Azure", "azure", "windows.net", "AADSTS", "googleapis", "x-goog-", "Google API",
	"apiKey=", "apikey", "kafka", "Kafka", "SQS", "DynamoDB", "MessageId", "AccessDenied", "Access Key",
	"ErrorCode", " Code=", "SDKError", "ServiceException", "ServiceBus", "HostId", "host_id", "hostId", "client-request-id", "Inner error", "rpc error", "invoke ", "Invoke", "invoking ",
	"jsonrpc", "JSON-RPC", "MongoDB", "mongodb", "commandName", "driverConnectionId",
	"Throttl", "ProvisionedThroughput", "Rate exceeded", "MD5OfMessageBody",
	"Stripe", "stripe", "OpenAI", "openai", "Anthropic", "anthropic", "twilio", "Twilio", "Elasticsearch", "GitHub", "github.com/",
}

// foreign reports whether text is the message of such a client. The values of a logger's fields are not its message.
func foreign(text string) bool { return marked(text) && marked(withoutValues(text)) }

func marked(text string) bool {
	return slices.ContainsFunc(foreignMarks[:], func(mark string) bool { return strings.Contains(text, mark) })
}

// withoutValues leaves of key=value only the key.
func withoutValues(text string) string {
	var b strings.Builder
	for at := 0; ; {
		next := strings.IndexByte(text[at:], '=')
		if next < 0 {
			b.WriteString(text[at:])
			return b.String()
		}
		next += at + 1
		b.WriteString(text[at:next])
		if at = next; at < 2 || !isKeyByte(text[at-2]) || at == len(text) {
			continue
		}
		if end := closing(text, at); text[at] == '"' && end > 0 {
			at = end + 1
			continue
		}
		for at < len(text) && !endsValue(text[at]) {
			at++
		}
	}
}

// foreignKeys are in what SDKs and drivers know of their calls, beside the ID of the call.
var foreignKeys = foldedSet("extendedRequestId", "cfId", "commandName", "driverConnectionId", "jsonrpc")

// Words before an ID that say that it is the ID of something else, or before an object that it is somebody's message.
var (
	otherWords = wordSet(`previous prior parent original originating other another earlier duplicate conflicting conflicts superseded supersedes blocked blocking
		caused related linked links stale old owner holder quoted expected unlike upstream downstream child sibling their replayed copied duplicates
		held holds peer remote foreign client's vendor vendor's provider provider's partner reply replied answer answered calling
		first last already replaces replaced merged cookie set-cookie hget hgetall hset hdel del expire exists setex`)
	prepositions = wordSet("by into from to than of after before behind until that like up gave")
	messageWords = wordSet(`body payload response responded reply replied result request received receive sent send sending got returned data json event record
		message upstream downstream error from header headers`)
)

// The objects in text that hold a line's own fields, and the words of SQL.
var (
	ownObjects = wordSet("mdc ctx context extra extras fields tags labels attributes attrs scope scopes properties props meta metadata")
	sqlJoins   = wordSet("where set values")
	sqlVerbs   = wordSet("select update delete insert")
)

func wordSet(text string) words {
	set := make(words)
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// wordsLooked is how many words before an ID are looked at.
const wordsLooked = 3

// ofAnother reports whether the words before an ID say that it is not the line's own.
func ofAnother(before string) bool {
	if trimmed := strings.TrimRight(before, " "); strings.HasSuffix(trimmed, ":") {
		if word := lastWord(&trimmed); messageWords.has(word) || strings.HasSuffix(word, "Exception") || strings.HasSuffix(word, "Error") {
			return true
		}
	}
	for i := range wordsLooked {
		word := lastWord(&before)
		switch {
		case word == "":
			return false
		case otherWords.has(word), i == 0 && prepositions.has(word):
			return true
		}
	}
	return false
}

// quotesObject reports whether the words before an object say that it is somebody's message.
func quotesObject(before string) bool {
	before = strings.TrimRight(before, " \t")
	if before == "" {
		return false
	}
	switch c := before[len(before)-1]; c {
	case ':', '=':
		before = before[:len(before)-1]
		return !ownObjects.has(lastWord(&before))
	case '>':
		return true
	}
	return messageWords.has(lastWord(&before))
}

// quotesSQL reports whether an ID is in a condition or an assignment of SQL.
func quotesSQL(before string) bool {
	verb := false
	for word := range strings.FieldsSeq(before) {
		if verb && sqlJoins.has(word) {
			return true
		}
		verb = verb || sqlVerbs.has(word)
	}
	return false
}

// quotesCall reports whether an ID is behind the method and the whole URL of a call, which only its client knows.
func quotesCall(before string) bool {
	method, _, ok := strings.Cut(before, " http")
	if !ok || !strings.Contains(before[len(method):], "://") {
		return false
	}
	method = lastWord(&method)
	return len(method) > 2 && strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// lastWord takes the last word from the text. It is "" if the field or sentence begins there.
func lastWord(text *string) string {
	*text = strings.TrimRight(*text, " ([")
	at := strings.LastIndexAny(*text, " \t\n,;|]")
	word := strings.Trim((*text)[at+1:], "(:")
	*text = (*text)[:at+1]
	return word
}

// words is a set of words in lower case.
type words map[string]bool

// has reports whether the word is in the set, in whatever case. No word of a set is longer than the buffer.
func (w words) has(word string) bool {
	var lower [16]byte
	if len(word) > len(lower) {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return w[string(lower[:len(word)])]
}
