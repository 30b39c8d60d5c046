// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// Bounds of what is read.
const (
	maxRuleFile  = 16 << 20 // bytes
	maxRuleFiles = 10_000
)

// ruleFiles are the rule files that globs match. One that is bad stays as it was when it was last good, so a slip in
// one file silences neither it nor the others.
type ruleFiles struct {
	globs  []string
	parser parser.Parser
	logger *slog.Logger
	files  map[string]*ruleFile
}

type ruleFile struct {
	text []byte
	err  error // of the text
	good *rulefmt.RuleGroups
}

// refresh reads the files again. It reports whether the rules are others than before, and what is wrong with files
// that have changed since they were read.
func (r *ruleFiles) refresh() (changed bool, wrong error) {
	paths, wrong := r.paths()
	files := make(map[string]*ruleFile, len(paths))
	for _, path := range paths {
		old := r.files[path]
		if old == nil {
			old = &ruleFile{}
		}
		text, err := readBounded(path, maxRuleFile)
		if err == nil && old.good != nil && old.err == nil && bytes.Equal(text, old.text) {
			files[path] = old
			continue
		}
		f := &ruleFile{text: text, err: err, good: old.good}
		if err == nil {
			var groups *rulefmt.RuleGroups
			if groups, f.err = r.parse(path, text); f.err == nil {
				f.good, changed = groups, true
			}
		}
		if f.err != nil && (old.err == nil || old.err.Error() != f.err.Error()) {
			wrong = errors.Join(wrong, f.err)
		}
		files[path] = f
	}
	for path, old := range r.files {
		if files[path] == nil && old.good != nil {
			changed = true
		}
	}
	r.files = files
	return changed, wrong
}

func (r *ruleFiles) paths() ([]string, error) {
	var (
		paths []string
		wrong error
	)
	for _, glob := range r.globs {
		found, err := filepath.Glob(glob)
		wrong = errors.Join(wrong, err)
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if len(paths) > maxRuleFiles {
		wrong = errors.Join(wrong, fmt.Errorf("rule_files: match %d files; the first %d are used", len(paths), maxRuleFiles))
		paths = paths[:maxRuleFiles]
	}
	return paths, wrong
}

func (r *ruleFiles) parse(path string, text []byte) (*rulefmt.RuleGroups, error) {
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, r.parser, r.logger)
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(errs...))
	}
	return groups, nil
}

// usable are the paths whose file is good, or was.
func (r *ruleFiles) usable() []string {
	var paths []string
	for path, f := range r.files {
		if f.good != nil {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// count tells how many files are good and how many are not.
func (r *ruleFiles) count() (good, bad int64) {
	for _, f := range r.files {
		if f.err == nil {
			good++
		} else {
			bad++
		}
	}
	return good, bad
}

// groups are the names of the groups that usable files have.
func (r *ruleFiles) groups() map[string]bool {
	names := map[string]bool{}
	for _, f := range r.files {
		if f.good == nil {
			continue
		}
		for _, g := range f.good.Groups {
			names[g.Name] = true
		}
	}
	return names
}

// A ruleLoader gives Prometheus' rule manager the last good content of a file, or the rules that the catalog has.
type ruleLoader struct {
	files   *ruleFiles
	catalog *catalogRules
}

// Load gives the groups of one file.
func (l ruleLoader) Load(path string, _ bool, _ model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	if groups := l.catalog.of(path); groups != nil {
		return groups, nil
	}
	f := l.files.files[path]
	if f == nil || f.good == nil {
		return nil, []error{fmt.Errorf("%s: is not loaded", path)}
	}
	return f.good, nil
}

// Parse parses the expression of a rule.
func (l ruleLoader) Parse(query string) (parser.Expr, error) {
	return l.files.parser.ParseExpr(query)
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s: is larger than %d MiB; split it", path, limit>>20)
	}
	return text, err
}
