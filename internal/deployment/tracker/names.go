// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// mostNames is how many ways to write a version are remembered.
const mostNames = 8

// alike is the version that this is another way to write of: the newest one that is present, or else the newest.
func (s *service) alike(meaning deployment.Version) (found *version) {
	for _, v := range s.versions {
		if v.is(meaning) && (found == nil || found.past || !v.past) {
			found = v
		}
	}
	return found
}

// is reports whether the version can be written so, or its image or the commit that was reported is named so.
func (v *version) is(meaning deployment.Version) bool {
	if slices.ContainsFunc(v.names, meaning.Same) {
		return true
	}
	if v.build.Digest != "" && deployment.ParseVersion(v.build.Digest, "").Same(meaning) {
		return true
	}
	number := func(other deployment.Version) bool { return other.Comparable(meaning) }
	return !slices.ContainsFunc(v.names, number) && slices.ContainsFunc(v.commits(), meaning.Of)
}

// commits are those that the version is said to be built of.
func (v *version) commits() (all []string) {
	if v.build.Revision != "" {
		all = append(all, v.build.Revision)
	}
	if v.latest != nil && v.latest.Revision != "" {
		all = append(all, v.latest.Revision)
	}
	return all
}

// of reports whether the version is built of the commit.
func (v *version) of(commit string) bool {
	if commit == "" {
		return false
	}
	return slices.ContainsFunc(v.names, func(name deployment.Version) bool { return name.Of(commit) }) ||
		deployment.SameCommit(v.build.Revision, commit)
}

// contradicts reports whether the version is known to be built of another commit.
func (v *version) contradicts(commit string) bool {
	if commit == "" || v.of(commit) {
		return false
	}
	return v.build.Revision != "" && !deployment.SameCommit(v.build.Revision, commit) ||
		slices.ContainsFunc(v.names, func(name deployment.Version) bool { return name.Contradicts(commit) })
}

// call takes in another way to write the version. What the service itself says is what it is shown by, as its other telemetry
// has it; otherwise what people would rather read.
func (s *service) call(v *version, meaning deployment.Version, source deployment.Source) {
	if len(v.names) < mostNames {
		v.names = append(v.names, meaning)
	}
	own := source == deployment.FromVersion && !v.sources.has(deployment.FromVersion)
	better := !v.sources.has(deployment.FromVersion) && meaning.Better(deployment.ParseVersion(v.name, s.key.Name))
	if own || better {
		v.name = meaning.Name()
	}
	s.touch()
}

// spelled is the version as the service writes its others.
func (s *service) spelled(meaning deployment.Version) string {
	for _, v := range slices.Backward(s.versions) {
		if v.sources != 0 && len(v.names) > 0 {
			if other := deployment.ParseVersion(v.name, s.key.Name); other.Comparable(meaning) {
				return meaning.Like(other)
			}
		}
	}
	return meaning.Like(deployment.Version{})
}

// toldOf is the deployment that was reported under a name which says nothing of the version that telemetry shows, and is
// the same: of the same commit, or the only one on its way of which there is nothing to see.
func (s *service) toldOf(v *version) (told *version) {
	if v.latest != nil || v.sources == 0 {
		return nil
	}
	for _, other := range s.versions {
		if other == v || other.sources != 0 || !other.open() || other.latest.blind {
			continue
		}
		commit := other.latest.Revision
		if v.of(commit) {
			return other
		}
		late := time.Unix(0, v.first).Sub(other.latest.Start)
		if v.contradicts(commit) || s.comparable(v, other) || late < -s.config.Settle || late >= s.config.Recent || v.first-s.first <= int64(s.config.Confirm) {
			continue
		}
		if told != nil {
			return nil
		}
		told = other
	}
	return told
}

// comparable says that two versions are of one kind, so that different names are different versions. The hash of a template
// compares with nothing.
func (s *service) comparable(a, b *version) bool {
	hashed := sources(1<<deployment.FromTemplate | 1<<deployment.FromConfiguration)
	for _, v := range []*version{a, b} {
		if v.sources != 0 && v.sources&^hashed == 0 {
			return false
		}
	}
	for _, one := range a.names {
		if slices.ContainsFunc(b.names, one.Comparable) {
			return true
		}
	}
	return false
}

// unite makes one of a deployment that was reported and the version that telemetry shows.
func (s *service) unite(told, seen *version) {
	for _, name := range seen.names {
		if len(told.names) < mostNames {
			told.names = append(told.names, name)
		}
	}
	hashed := seen.sources&^sources(1<<deployment.FromTemplate|1<<deployment.FromConfiguration) == 0
	if !hashed && (seen.sources.has(deployment.FromVersion) || deployment.ParseVersion(seen.name, s.key.Name).Better(deployment.ParseVersion(told.name, s.key.Name))) {
		told.name = seen.name
	}
	told.sources, told.first, told.seen, told.heard, told.confirmed = seen.sources, seen.first, seen.seen, seen.heard, true
	if told.build == (deployment.Build{}) {
		told.build = seen.build
	}
	for n := range s.instances {
		if s.instances[n].version == seen.serial {
			s.instances[n].version = told.serial
		}
	}
	s.versions = slices.DeleteFunc(s.versions, func(v *version) bool { return v == seen })
	s.touch()
}

// Describe notes what telemetry of a version says besides: the commit, the branch and the image that it was built of.
func (t *Tracker) Describe(key deployment.Service, version string, build deployment.Build) {
	if build == (deployment.Build{}) || version == "" {
		return
	}
	key.Place = t.config.place(key.Place)
	s := t.find(key)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.version(version)
	if v == nil || v.build == build {
		return
	}
	for _, pair := range [...]struct {
		to   *string
		from string
	}{{&v.build.Revision, build.Revision}, {&v.build.Branch, build.Branch}, {&v.build.Digest, build.Digest}} {
		if *pair.to == "" && valid(pair.from) {
			*pair.to = strings.Clone(pair.from)
			s.touch()
		}
	}
}
