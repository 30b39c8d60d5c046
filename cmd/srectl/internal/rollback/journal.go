// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package rollback

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/wholefile"
)

// An entry is a rollback that was made, or begun.
type entry struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	// Environment is empty if none was named.
	Environment string   `json:"environment,omitempty"`
	From        string   `json:"from"`
	To          string   `json:"to"`
	Actor       string   `json:"actor"`
	Command     []string `json:"command"`
	// Result is started, completed or failed.
	Result string `json:"result"`
}

// A journal is the file of them, which is also the budget: what was begun counts, however it ended.
type journal struct {
	path    string
	Entries []entry `json:"rollbacks"`
}

const (
	// maxEntries bounds the file: the oldest go first.
	maxEntries = 1000
	// maxFile is the size of a file that is read.
	maxFile = 4 << 20
	perDay  = 24 * time.Hour
)

// defaultJournal is a file of the user.
func defaultJournal() string {
	folder := os.Getenv("XDG_STATE_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			home = os.TempDir()
		}
		folder = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(folder, "srectl", "rollbacks.json")
}

// openJournal reads the file. A missing one is empty; one that cannot be read is an error, because nobody knows what is left of the budget.
func openJournal(path string) (*journal, error) {
	j := &journal{path: path}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err == nil {
		err = json.Unmarshal(text, j)
	}
	if err != nil {
		return nil, fmt.Errorf("--state %s cannot be read, so that nobody knows how many rollbacks today had: %w; repair or remove it", path, err)
	}
	return j, nil
}

// lock keeps others from the file until the returned function is called.
func (j *journal) lock() (unlock func(), err error) {
	name := j.path + ".lock"
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--state: another rollback is under way (%w): wait for it, or remove the file if none is", err)
	}
	_ = file.Close() // it is empty
	return func() { _ = os.Remove(name) }, nil
}

// spent is how many rollbacks of the service began within a day.
func (j *journal) spent(service string, now time.Time) (n int) {
	for i := range j.Entries {
		if e := &j.Entries[i]; e.Service == service && now.Sub(e.Time) < perDay {
			n++
		}
	}
	return n
}

// left is the newest rollback of the service from a version that began within a day and did not fail; nil if there is none.
func (j *journal) left(service, environment, from string, now time.Time) *entry {
	for _, e := range slices.Backward(j.Entries) {
		if e.Service == service && e.Environment == environment && e.From == from && e.Result != change.Failed && now.Sub(e.Time) < perDay {
			return &e
		}
	}
	return nil
}

// put writes an entry, or how one ended.
func (j *journal) put(e *entry) error {
	found := false
	for i := range j.Entries {
		if j.Entries[i].ID == e.ID {
			j.Entries[i], found = *e, true
		}
	}
	if !found {
		j.Entries = append(j.Entries, *e)
	}
	j.Entries = j.Entries[max(0, len(j.Entries)-maxEntries):]
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	if err := wholefile.Write(j.path, append(text, '\n')); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}
