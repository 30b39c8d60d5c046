// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stream is what govulncheck prints of a program that links a function of one vulnerable module, a package of a second and nothing of a third.
const stream = `
{"config": {"protocol_version": "v1.0.0", "scan_level": "symbol", "scan_mode": "binary"}}
{"progress": {"message": "Checking the binary against the vulnerabilities..."}}
{"osv": {"id": "GO-2026-0001", "summary": "Panic in example.com/called"}}
{"osv": {"id": "GO-2026-0002", "summary": "Panic in example.com/imported"}}
{"osv": {"id": "GO-2026-0003", "summary": "Panic in example.com/required"}}
{"osv": {"id": "GO-2026-0004", "summary": "Panic in a version that is not used"}}
{"finding": {"osv": "GO-2026-0001", "fixed_version": "v1.2.0", "trace": [{"module": "example.com/called", "version": "v1.1.0"}]}}
{"finding": {"osv": "GO-2026-0001", "fixed_version": "v1.2.0", "trace": [{"module": "example.com/called", "version": "v1.1.0", "package": "example.com/called/http"}]}}
{"finding": {"osv": "GO-2026-0001", "fixed_version": "v1.2.0", "trace": [{"module": "example.com/called", "version": "v1.1.0", "package": "example.com/called/http", "receiver": "Server", "function": "Serve"}]}}
{"finding": {"osv": "GO-2026-0002", "fixed_version": "v2.0.0", "trace": [{"module": "example.com/imported", "version": "v1.0.0", "package": "example.com/imported"}]}}
{"finding": {"osv": "GO-2026-0003", "trace": [{"module": "example.com/required", "version": "v1.0.0"}]}}
`

const std = `
{"config": {"protocol_version": "v1.0.0", "scan_level": "symbol", "scan_mode": "binary"}}
{"osv": {"id": "GO-2026-0009", "summary": "Desynchronization in net/http"}}
{"finding": {"osv": "GO-2026-0009", "fixed_version": "v1.26.9", "trace": [{"module": "stdlib", "version": "v1.26.8", "package": "net/http", "function": "Get"}]}}
{"finding": {"osv": "GO-2026-0009", "fixed_version": "v0.60.0", "trace": [{"module": "golang.org/x/net", "version": "v0.57.0", "package": "golang.org/x/net/http2", "function": "Get"}]}}
`

var today = time.Date(2026, 11, 28, 23, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	reason := func(id, until string) acceptance {
		return acceptance{ID: id, Reason: "the server is not started", Until: until}
	}
	for name, c := range map[string]struct {
		stream   string
		accepted []acceptance
		want     []string
	}{
		"no reason": {
			stream, nil,
			[]string{"GO-2026-0001: Panic in example.com/called: go get example.com/called@v1.2.0, or give a reason in accepted.yaml"},
		},
		"with a reason":             {stream, []acceptance{reason("GO-2026-0001", "2027-01-31")}, nil},
		"on the last day":           {stream, []acceptance{reason("GO-2026-0001", "2026-11-28")}, nil},
		"on the day after the last": {stream, []acceptance{reason("GO-2026-0001", "2026-11-27")}, []string{"GO-2026-0001: Panic in example.com/called: the time of its reason in a.yaml was over on 2026-11-27"}},
		"a reason for what is not linked": {
			stream, []acceptance{reason("GO-2026-0001", "2027-01-31"), reason("GO-2026-0002", "2027-01-31")},
			[]string{"a.yaml: GO-2026-0002 is not found any more: remove its reason"},
		},
		"a reason for what is not there": {
			stream, []acceptance{reason("GO-2026-0001", "2027-01-31"), reason("GO-2025-0001", "2027-01-31")},
			[]string{"a.yaml: GO-2025-0001 is not found any more: remove its reason"},
		},
		"the reason of another": {
			std, []acceptance{reason("GO-2026-0001", "2027-01-31")},
			[]string{
				"a.yaml: GO-2026-0001 is not found any more",
				"GO-2026-0009: Desynchronization in net/http: go get golang.org/x/net@v0.60.0, build with Go 1.26.9, or give a reason",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := findings{}
			require.NoError(t, found.read(strings.NewReader(c.stream), "bin/a"))
			problems := decide(found, c.accepted, "a.yaml", today)
			require.Len(t, problems, len(c.want), "%v", problems)
			for i, want := range c.want {
				assert.ErrorContains(t, problems[i], want)
			}
		})
	}
}

// What several programs have is one finding.
func TestFindingsOfTwoPrograms(t *testing.T) {
	found := findings{}
	for _, program := range []string{"bin/a", "bin/b"} {
		require.NoError(t, found.read(strings.NewReader(stream), program))
	}
	assert.Equal(t, []string{"GO-2026-0001", "GO-2026-0002", "GO-2026-0003"}, found.ids())
	assert.Equal(t, `GO-2026-0001: Panic in example.com/called
    example.com/called@v1.1.0, fixed in v1.2.0
    linked into bin/a, bin/b: example.com/called/http.Server.Serve`, found["GO-2026-0001"].String())
	assert.Equal(t, `GO-2026-0003: Panic in example.com/required
    example.com/required@v1.0.0, fixed in no version yet
    none of its functions is linked`, found["GO-2026-0003"].String())
}

// A stream that says less than it should is no good news.
func TestStreamThatIsNoAnswer(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     `level ""`,
		`{"config": {"scan_level": "module"}}`: `level "module"`,
		`{"config": {"scan_level": "symbol"}}{"f`: "what govulncheck printed",
	} {
		assert.ErrorContains(t, findings{}.read(strings.NewReader(text), "bin/a"), want, text)
	}
}

func TestAcceptedThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"accepted: [{id: GO-1, until: 2027-01-31}]":                                                      "GO-1 needs a reason",
		"accepted: [{id: GO-1, reason: ' ', until: 2027-01-31}]":                                         "GO-1 needs a reason",
		"accepted: [{id: GO-1, reason: a}]":                                                              "GO-1: until:",
		"accepted: [{id: GO-1, reason: a, until: soon}]":                                                 "GO-1: until:",
		"accepted: [{reason: a, until: 2027-01-31}]":                                                     "an ID of its own",
		"accepted: [{id: GO-1, reason: a, until: 2027-01-31}, {id: GO-1, reason: b, until: 2027-01-31}]": "an ID of its own",
		"ignored: []": "field ignored not found",
	} {
		file := filepath.Join(t.TempDir(), "a.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := readAccepted(file)
		assert.ErrorContains(t, err, want, text)
	}
	_, err := readAccepted("accepted.yaml")
	assert.NoError(t, err, "what is committed")
}
