// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/objects"
)

// An outcome is what becomes of a catalog that was read.
type outcome string

const (
	// swapped: it has no errors and is in use now.
	swapped outcome = "swapped"
	// unchanged: it has no errors and is what was in use already.
	unchanged outcome = "unchanged"
	// partial: it has errors; its services without errors are in use now.
	partial outcome = "partial"
	// refused: it has errors; the catalog that was in use stays.
	refused outcome = "refused"
)

func (o outcome) attribute() attribute.KeyValue { return attribute.String("outcome", string(o)) }

// A judge decides which catalogs come into use.
type judge struct {
	// whole tells that a catalog without errors has been in use: the last good one.
	whole bool
}

// judge returns what is to become of next, and next's problems with what the judge adds.
//
// A catalog with errors never replaces a good one. Before there was a good one, at start, the
// services without errors are used, so that a typo in one file does not take down the others;
// but never so that a service in use is lost.
//
// Folders without any service never replace those with services: they are an unmounted volume
// or are being written, far more often than the wish to have no SLOs.
//
// Problems of objects of Kubernetes concern these objects only, which was seen to when they were read;
// and an object that is not there any more was deleted.
func (j *judge) judge(inUse, next *catalog.Catalog, problems catalog.Problems) (outcome, catalog.Problems) {
	var ofFolders, ofObjects catalog.Problems
	for _, p := range problems {
		if objects.IsObject(p.Position) {
			ofObjects = append(ofObjects, p)
		} else {
			ofFolders = append(ofFolders, p)
		}
	}
	if empty(next) && !empty(inUse) && ofFolders.Err() == nil {
		ofFolders = append(ofFolders, catalog.Problem{
			Severity: catalog.Error,
			Position: catalog.Position{File: "directory"},
			Message:  "the catalog folders contain no service any more",
			Fix:      "put the files back, or restart the collector to run without any",
		})
	}
	problems = slices.Concat(ofFolders, ofObjects)
	switch {
	case ofFolders.Err() == nil:
		j.whole = !empty(next)
		if ofObjects.Err() != nil {
			return partial, problems
		}
		if next.Revision == inUse.Revision {
			return unchanged, problems
		}
		return swapped, problems
	case j.whole || losesService(inUse, next):
		return refused, problems
	default:
		return partial, problems
	}
}

// empty reports whether the folders hold nothing.
func empty(c *catalog.Catalog) bool {
	return !slices.ContainsFunc(c.Services, fromFolder) && !slices.ContainsFunc(c.Defaults, func(d *catalog.Defaults) bool { return !objects.IsObject(d.Position) })
}

func fromFolder(s *catalog.Service) bool { return !objects.IsObject(s.Position) }

// losesService reports whether a service in use is not in next.
func losesService(inUse, next *catalog.Catalog) bool {
	type name struct{ namespace, name string }
	there := make(map[name]bool, len(next.Services))
	for _, s := range next.Services {
		there[name{s.Namespace, s.Name}] = true
	}
	for _, s := range inUse.Services {
		if fromFolder(s) && !there[name{s.Namespace, s.Name}] {
			return true
		}
	}
	return false
}
