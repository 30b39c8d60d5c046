// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import "strings"

// foreignMarks are in the messages of clients that name the ID of their own call as a request ID: the SDKs of AWS, Azure and Google,
// Kafka's client, drivers of databases, JSON-RPC, and the APIs of others.
var foreignMarks = [...]string{
	"HostID:", "HostId:", "api error ", "operation error ", "S3 Extended", "Error Code:", "Status Code:", "status code:", "StatusCode:", "ResponseMetadata",
	"botocore", "boto3", "amazonaws", "Amazon", "AWS", "aws-sdk", "x-amz-", "x-amzn-", "Service: ",
	"x-ms-", "Azure", "azure", "windows.net", "AADSTS", "googleapis", "x-goog-", "Google API",
	"apiKey=", "apiVersion=", "correlationId=-", "clientId=", "apikey", "kafka", "Kafka",
	"jsonrpc", "JSON-RPC", "MongoDB", "mongodb", "commandName", "driverConnectionId",
	"Stripe", "stripe", "OpenAI", "openai", "Anthropic", "anthropic", "twilio", "Twilio", "Elasticsearch", "GitHub", "github.com/",
}

// foreign reports whether text is the message of such a client.
func foreign(text string) bool {
	for _, mark := range foreignMarks {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

// Words before an ID that say that it is the ID of something else, or before an object that it is somebody's message.
var (
	otherWords = wordSet(`previous prior parent original originating other another earlier duplicate conflicting conflicts superseded supersedes blocked blocking
		caused related linked links stale old owner holder quoted expected unlike upstream downstream child sibling their replayed copied duplicates
		held holds peer remote foreign client's vendor provider's`)
	messageWords = wordSet(`body payload response responded reply replied result request received receive sent send sending got returned data json event record
		message upstream downstream error from`)
)

func wordSet(text string) map[string]bool {
	set := make(map[string]bool)
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
		case otherWords[word]:
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
	return messageWords[lastWord(&before)]
}

// lastWord takes the last word from the text, in lower case. It is "" if the field or sentence begins there.
func lastWord(text *string) string {
	*text = strings.TrimRight(*text, " ([")
	at := strings.LastIndexAny(*text, " \t\n,;|]")
	word := strings.ToLower((*text)[at+1:])
	*text = (*text)[:at+1]
	return strings.Trim(word, ":")
}
