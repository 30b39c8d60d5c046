// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Dockerfile is what both Docker and this program build.
func TestLastStageOfTheDockerfile(t *testing.T) {
	text, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	s, err := lastStage(string(text), map[string]string{"VERSION": "1.2.3"})
	require.NoError(t, err)
	assert.Contains(t, s.copies, copied{sources: []string{"state/"}, to: "/var/lib/otelcol-sre/", owner: 10001})
	assert.Equal(t, "1.2.3", s.config.Labels["org.opencontainers.image.version"])
	assert.Equal(t, "OpenTelemetry Collector for SLOs, correlation IDs and deploy markers", s.config.Labels["org.opencontainers.image.description"])
	assert.Equal(t, 5*time.Second, s.config.Healthcheck.Timeout)
	assert.Contains(t, s.config.ExposedPorts, "4317/tcp")
}

// What would make another image than Docker's is refused, with the line.
func TestLastStageRefusesWhatItDoesNotKnow(t *testing.T) {
	for line, want := range map[string]string{
		"RUN true":                            `"RUN true": this instruction is not known here`,
		`ENV A="b c"`:                         "write it plainly",
		"ENV A=b \\":                          "write it plainly",
		`VOLUME ["/a"]`:                       "write it plainly",
		"COPY a /":                            "write COPY --from=build SOURCE... FOLDER/",
		"COPY --from=build /elsewhere/a /":    "/elsewhere/a is not below /image",
		"COPY --from=build /image/a /b":       "write COPY --from=build",
		"COPY --chown=me:me /image/a /":       "write the same number twice",
		"COPY --chmod=755 /image/a /":         "flag provided but not defined: -chmod",
		"HEALTHCHECK NONE":                    "no CMD",
		"HEALTHCHECK --interval=1 CMD []":     "parse error",
		"HEALTHCHECK CMD /srectl probe":       "invalid character",
		"ENTRYPOINT /otelcol-sre":             "invalid character",
		"FROM alpine AS otelcol-sre":          "the last stage is not from scratch",
		"FROM scratch AS a\nSHELL [\"bash\"]": "not known here",
	} {
		_, err := lastStage("FROM golang AS build\nRUN make\nFROM scratch AS otelcol-sre\n"+line, nil)
		assert.ErrorContains(t, err, want, line)
	}
	_, err := lastStage("", nil)
	assert.ErrorContains(t, err, "no FROM")
}
