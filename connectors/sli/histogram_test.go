// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestUnitOfANameOfPrometheus(t *testing.T) {
	for name, want := range map[string]string{
		"http_request_duration_seconds": "seconds", "rpc.duration.milliseconds": "milliseconds", "queue_wait_ms": "ms",
		"queue.wait": "", "seconds_per_request": "", "seconds": "seconds", "": "",
	} {
		assert.Equal(t, want, unitOf(name, ""), name)
		assert.Equal(t, "By", unitOf(name, "By"), name)
	}
	bound, ok := boundOf(&catalog.Threshold{Duration: 250 * time.Millisecond}, unitOf("http_request_duration_seconds", ""))
	assert.True(t, ok)
	assert.Equal(t, 0.25, bound)
}
