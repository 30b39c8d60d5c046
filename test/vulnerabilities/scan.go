// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// A scan runs govulncheck.
type scan struct {
	program  string // of govulncheck
	database string // a folder of OSV entries
}

// run scans a program, which needs its symbol table, and adds what it finds.
func (s scan) run(ctx context.Context, program string, found findings) error {
	cmd := exec.CommandContext(ctx, s.program, "-db", "file://"+s.database, "-mode", "binary", "-format", "json", program)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, complaint.String())
	}
	return found.read(bytes.NewReader(out), program)
}

// download returns the folder of a module, which comes from the module cache if it is there.
func download(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir, cmd.Env = os.TempDir(), append(os.Environ(), "GOFLAGS=", "GOWORK=off") // outside of any module
	out, err := cmd.Output()
	var at struct{ Dir, Error string }
	if err := errors.Join(err, json.Unmarshal(out, &at)); err != nil {
		return "", fmt.Errorf("downloading %s: %w\n%s", module, err, at.Error)
	}
	return at.Dir, nil
}

// message is a message of govulncheck's stream, as https://pkg.go.dev/golang.org/x/vuln/internal/govulncheck describes it.
type message struct {
	Config *struct {
		ScanLevel string `json:"scan_level"`
	}
	OSV *struct {
		ID, Summary string
	}
	Finding *struct {
		OSV          string
		FixedVersion string `json:"fixed_version"`
		Trace        []struct{ Module, Version, Package, Function, Receiver string }
	}
}

// read adds the findings of a stream, which is about a program.
func (found findings) read(stream io.Reader, program string) error {
	summaries := map[string]string{}
	level := ""
	for decoder := json.NewDecoder(stream); ; {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("what govulncheck printed: %w", err)
		}
		switch {
		case m.Config != nil:
			level = m.Config.ScanLevel
		case m.OSV != nil:
			summaries[m.OSV.ID] = m.OSV.Summary
		case m.Finding != nil && len(m.Finding.Trace) > 0:
			f := found[m.Finding.OSV]
			if f == nil {
				f = &finding{id: m.Finding.OSV, symbols: map[string]bool{}, in: map[string]bool{}, fixed: map[string]string{}}
				found[f.id] = f
			}
			at := m.Finding.Trace[0]
			f.fixed[at.Module+"@"+at.Version] = m.Finding.FixedVersion
			if at.Function == "" {
				continue
			}
			f.in[program] = true
			symbol := at.Function
			if at.Receiver != "" {
				symbol = at.Receiver + "." + symbol
			}
			f.symbols[at.Package+"."+symbol] = true
		}
	}
	for id, f := range found {
		if summary, ok := summaries[id]; ok {
			f.summary = summary
		}
	}
	if level != "symbol" {
		return fmt.Errorf("govulncheck looked at the level %q, not at functions", level)
	}
	return nil
}
