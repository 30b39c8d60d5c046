// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const ownModule = "github.com/otelcol-sre/otelcol-sre/"

// knownToFail are tests that fail with the newest release, and what the move there has to change.
var knownToFail = map[string]string{
	"cmd/shop.":                  "otel/log v1 has attribute.Value and attribute.KeyValue in place of its own: two lines of mailer.go and tally.go",
	"catalog.TestProblems":       "pkg/ottl v1 words its errors otherwise, and says where: write the golden file anew",
	"connectors/sli.TestMetrics": "pkg/ottl v1 refuses a constant that is no number when it reads the condition: the test needs another condition that fails",
	"connectors/sli.TestTraces":  "the same as TestMetrics",
	"extensions/status_page/internal/search.TestWhatIsShownIsBounded": "a span with 1000 maps in each other is not found",
}

// outcomes are the last words on each top-level test, PACKAGE.TEST, of what go test -json prints, and what it said. A package that
// does not compile counts as a test without a name.
func outcomes(out []byte) (outcome, said map[string]string, err error) {
	outcome, said = map[string]string{}, map[string]string{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var event struct {
			Action, Package, ImportPath, Test, Output string
			FailedBuild                               string
		}
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			return outcome, said, nil
		} else if err != nil {
			return nil, nil, fmt.Errorf("what go test -json prints: %w", err)
		}
		test, _, sub := strings.Cut(event.Test, "/")
		name := event.Package + "." + test
		switch event.Action {
		case "output":
			said[name] += event.Output
		case "build-output":
			of, _, _ := strings.Cut(event.ImportPath, " ") // "X [X.test]"
			said[of+"."] += event.Output
		case "pass", "fail":
			if !sub && (test != "" || event.FailedBuild != "") {
				outcome[name] = event.Action
			}
		}
	}
}
