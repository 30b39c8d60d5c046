// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package scorecard measures alert rules: it lives through labeled faults with the generated rules, and with the recipes of Sloth and
// Pyrra, and counts who is called, how soon, how often, and for nothing.
//
//   - a [Fault] is a scenario with a label: what happened, and who should be called;
//   - a [Recipe] makes rules for it, and says which alerts page;
//   - a [Score] is what a recipe did in a fault.
//
// `make scorecard` writes the tables of docs/alerts.md. A test fails if they are not what a run gives.
package scorecard
