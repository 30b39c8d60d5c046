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
	"apiKey=", "apiVersion=", "correlationId=-", "clientId=", "apikey", "kafka", "Kafka",
	"jsonrpc", "JSON-RPC", "MongoDB", "mongodb", "commandName", "driverConnectionId",
	"Throttl", "ProvisionedThroughput", "Rate exceeded", "MD5OfMessageBody",
	"Stripe", "stripe", "OpenAI", "openai", "Anthropic", "anthropic", "twilio", "Twilio", "Elasticsearch", "GitHub", "github.com/",
}

// foreign reports whether text is the message of such a client.
func foreign(text string) bool {
	return slices.ContainsFunc(foreignMarks[:], func(mark string) bool { return strings.Contains(text, mark) })
}

// Words before an ID that say that it is the ID of something else, or before an object that it is somebody's message.
var (
	otherWords = wordSet(`previous prior parent original originating other another earlier duplicate conflicting conflicts superseded supersedes blocked blocking
		caused related linked links stale old owner holder quoted expected unlike upstream downstream child sibling their replayed copied duplicates
		held holds peer remote foreign client's vendor provider's`)
	messageWords = wordSet(`body payload response responded reply replied result request received receive sent send sending got returned data json event record
		message upstream downstream error from`)
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
	for range wordsLooked {
		word := lastWord(&before)
		switch {
		case word == "":
			return false
		case otherWords.has(word):
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
	if c := before[len(before)-1]; c == ':' || c == '=' || c == '>' {
		return true
	}
	return messageWords.has(lastWord(&before))
}

// lastWord takes the last word from the text. It is "" if the field or sentence begins there.
func lastWord(text *string) string {
	*text = strings.TrimRight(*text, " ([")
	at := strings.LastIndexAny(*text, " \t\n,;|]")
	word := strings.Trim((*text)[at+1:], ":")
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
