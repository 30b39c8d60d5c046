// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A unit is work that does not wait for other units.
type unit func(*account) error

// An account collects the messages of a unit.
type account struct {
	text strings.Builder
	// notWell makes srectl exit 1.
	notWell bool
	// written and unchanged are numbers of files.
	written, unchanged int
}

func (r *account) tell(format string, args ...any) { fmt.Fprintf(&r.text, format+"\n", args...) }

// complain reports a problem that makes srectl exit 1.
func (r *account) complain(format string, args ...any) {
	r.notWell = true
	r.tell(format, args...)
}

func (r *account) problems(all []catalog.Problem) {
	for _, p := range all {
		r.tell("%s", p)
	}
	r.notWell = r.notWell || catalog.Problems(all).Err() != nil
}

func (r *account) write(w io.Writer) { _, _ = io.WriteString(w, r.text.String()) } // there is no reader any more

// together runs units on all processors. Their messages are printed in the order of the units. If several fail, it returns the
// first error; no unit starts after an error.
func together(units []unit, all *account) error {
	var (
		accounts = make([]account, len(units))
		errs     = make([]error, len(units))
		next     atomic.Int64
		failed   atomic.Bool
		workers  sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), len(units)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(units) && !failed.Load(); i = next.Add(1) - 1 {
				if errs[i] = units[i](&accounts[i]); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	workers.Wait()
	for i := range accounts {
		all.text.WriteString(accounts[i].text.String())
		all.notWell = all.notWell || accounts[i].notWell
		all.written += accounts[i].written
		all.unchanged += accounts[i].unchanged
		if errs[i] != nil {
			return errs[i]
		}
	}
	return nil
}
