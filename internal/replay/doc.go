// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package replay evaluates Prometheus rule groups over a time that has passed, with Prometheus' own
// storage, query engine and rule groups: what they would have recorded, and which alerts would have fired.
//
// There are two ways. [Replay.Run] evaluates each group at its own interval, as Prometheus does. [Replay.Sweep]
// evaluates each rule over the whole time with one range query, which is many times cheaper and gives the same
// samples and the same episodes of alerts, with two exceptions: of the templates in labels and annotations, only the value of a label in a label is
// expanded, and keep_firing_for is ignored. An alert that reads ALERTS is evaluated step by step while it is up, without exceptions.
//
// The samples that rules begin with are in the storage, or with a [Source]: a server with Prometheus' API. Then every
// part of a rule that reads only what no rule records is asked of the server, at the times at which the group is
// evaluated. All else is computed here.
package replay
