// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package bearertokenauth is the bearertokenauth extension of contrib, which checks and sends bearer tokens, with another way of
// reading their file.
//
// contrib's extension watches the file that it opened. It does not notice a file that is removed and created again, and keeps the
// tokens of one that is emptied, so a token cannot be revoked. This one reads the file every few seconds and compares its content.
package bearertokenauth
