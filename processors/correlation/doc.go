// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package correlation is the correlation processor: it finds the ID of the request that a span,
// a log record or an exemplar belongs to, and writes it to one attribute, so that a user who knows
// one ID finds everything.
//
// A batch is read twice. The first pass looks into each item's own sources and shows what it
// finds to the state, which the signals of one collector share; the second writes, and lets the
// items that have no ID of their own inherit their trace's. So the order within a batch does not
// matter: a server span, which carries the header, ends after its children.
//
// IDs come from outside. None is written, kept or compared before it has been cleaned (see hygiene).
package correlation
