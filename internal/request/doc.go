// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package request finds what belongs to one request: its spans and log records, across services and traces.
//
// It is used by `srectl find`, which reads files, and by the search of the status page, which reads a window in memory.
// Both give the same answer, and the answer is the same for each ID of the request.
//
// # What joins
//
// The names of a request are its traces, its correlation IDs and the values of its ID attributes.
//
//   - A trace that shows one correlation ID belongs to the request with that ID.
//   - A trace that links to one other trace belongs to the same request. Links are followed both ways.
//   - An attribute whose name says that its value is an ID, such as order.number, makes the value a name, if no other
//     request has such an attribute with that value.
//
// # What does not join
//
//   - A trace that shows several correlation IDs, or that has none and links to several traces, is shared: the work on a
//     batch of messages is an example. It is shown with each of its requests, as a whole, but does not make them one.
//   - An ID that lost to another one in a trace (correlation.conflict) shows that trace too. An ID that only ever lost is
//     one more name of the request that it lost to.
//   - A record that only mentions a name, in a text attribute or as a word in a log body, is shown. The rest of its own
//     trace is not.
//   - Attributes that say who or what took part (user.id, session.id, k8s.pod.name) are not names, nor are short numbers
//     and values without a digit: see [identifies].
//   - A value that two requests have is a name of neither. Asked for it, the answer is both requests, and says so. Let the
//     correlation processor read such an attribute as a source to make them one.
//
// # Bounds
//
// A search follows as many names, and reads the source as often, as [Bounds] say. Past that it says what is missing.
package request
