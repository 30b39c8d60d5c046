// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package otlpwire reads encoded OTLP field by field, without decoding what nobody looks at. Messages stay where they are; what is
// returned refers to their bytes.
package otlpwire
