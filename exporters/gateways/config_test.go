// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

func read(t *testing.T, text string) *Config {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(text))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	config := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(config))
	return config
}

func TestReadme(t *testing.T) {
	content, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, example, found := strings.Cut(string(content), "```yaml\n")
	require.True(t, found)
	example, _, _ = strings.Cut(example, "```")
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(example))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	sub, err := conf.Sub("exporters::gateways")
	require.NoError(t, err)
	config := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	want := createDefaultConfig().(*Config)
	want.Endpoints, want.Storage = []string{"gateway-0:4317", "gateway-1:4317"}, &storageID
	require.Equal(t, want, config, "the example shows the defaults")
	for _, key := range []string{"endpoints", "dns", "compression", "timeout", "sending_queue", "retry_on_failure", "storage"} {
		assert.Contains(t, string(content), "| `"+key+"` |")
	}
}

// One variable has the whole list; a name in place of it needs the list to be taken away.
func TestLists(t *testing.T) {
	config := read(t, `{endpoints: "b:1,a"}`)
	require.NoError(t, confmap.Validate(config))
	endpoints, err := parseEndpoints(config.Endpoints)
	require.NoError(t, err)
	require.Equal(t, []string{"a:4317", "b:1"}, endpoints)
	config = read(t, `{endpoints: null, dns: {hostname: gateways}}`)
	require.NoError(t, confmap.Validate(config))
	require.Equal(t, defaultPort, config.DNS.Get().Port)
}

func TestValidate(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, confmap.Validate(read(t, `{endpoints: [a]}`)))
	for text, want := range map[string]string{
		`{}`:                                                            "endpoints: is empty",
		`{endpoints: [http://a]}`:                                       "endpoints: \"http://a\" has a scheme or path",
		`{endpoint: a:1}`:                                               "endpoint: this exporter has several",
		`{endpoints: [a], dns: {hostname: b}}`:                          "dns: endpoints is set, too",
		`{dns: {interval: 0s, timeout: -1s}}`:                           "hostname: is empty",
		`{dns: {hostname: a, interval: 0s}}`:                            "interval: is 0s",
		`{dns: {hostname: a, timeout: -1s}}`:                            "timeout: is -1s",
		`{dns: {hostname: a, port: http}}`:                              "hostname and port:",
		`{endpoints: [a], storage: x, sending_queue: {storage: y}}`:     "storage: is for a queue in memory",
		`{endpoints: [a], sending_queue: {num_consumers: 0}}`:           "num_consumers",
		`{endpoints: [a], retry_on_failure: {multiplier: -1}}`:          "multiplier",
		`{endpoints: [a], storage: x, sending_queue: {enabled: false}}`: "storage: is for a queue in memory",
	} {
		require.ErrorContains(t, confmap.Validate(read(t, text)), want, text)
	}
}

func TestLimit(t *testing.T) {
	require.Equal(t, 3_000_000, limitOf(createDefaultConfig().(*Config)).Bytes)
	require.Equal(t, maxPart, limitOf(read(t, `{sending_queue: {sizer: requests, queue_size: 10, batch: {sizer: items, min_size: 1, max_size: 10}}}`)).Bytes)
	require.Equal(t, 500, limitOf(read(t, `{sending_queue: {queue_size: 1000}}`)).Bytes)
	none := createDefaultConfig().(*Config)
	none.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	require.Equal(t, maxPart, limitOf(none).Bytes)
}
