// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"os"
	"time"
)

// A result is what a load has cost in a collector.
type result struct {
	Time       time.Time `json:"time"`
	Load, Role string
	// PerItem is the processor time in microseconds, Ratio that by the bare collector's, and Peak the largest resident size in bytes.
	PerItem, Ratio float64
	Peak           int64
	// Wrong says what was lost or double; empty if nothing was.
	Wrong string `json:",omitempty"`
}

func (r result) exactness() string {
	if r.Wrong == "" {
		return "none"
	}
	return r.Wrong
}

// remember adds the result to the file.
func (r result) remember(file, load, role string) (err error) {
	if file == "" {
		return nil
	}
	r.Load, r.Role = load, role
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return json.NewEncoder(f).Encode(r)
}
