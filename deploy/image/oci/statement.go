// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"

	"github.com/opencontainers/go-digest"
)

// statement is an in-toto statement: the predicate is said of the image.
func statement(platform string, image digest.Digest, predicateType string, predicate any) any {
	return object{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []object{{"name": "otelcol-sre (" + platform + ")", "digest": object{image.Algorithm().String(): image.Encoded()}}},
		"predicateType": predicateType,
		"predicate":     predicate,
	}
}

// provenance says how an image came to be, as SLSA 1.0 has it; not when, which no other build could repeat.
func (b build) provenance(of bill, platform string) any {
	return object{
		"buildDefinition": object{
			"buildType":          "https://github.com/otelcol-sre/otelcol-sre/tree/main/deploy/image#make-image",
			"externalParameters": object{"source": b.source, "revision": b.revision, "version": b.version, "platform": platform},
			"internalParameters": object{"modules": len(of.modules)},
			"resolvedDependencies": []object{
				{"uri": "git+" + b.source, "digest": object{"gitCommit": b.revision}},
				{"uri": of.standardLibrary().purl(), "name": "Go"},
			},
		},
		"runDetails": object{"builder": object{"id": b.builder}},
	}
}

// asJSON writes the same for the same value, and < as <.
func asJSON(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return text.Bytes(), err
}
