// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A network has machines: network namespaces of Linux that share a bridge. What is cut is silent, as behind a firewall that drops:
// nobody gets an error before a timeout.
type network struct {
	t      *testing.T
	prefix string // of the names in the system; short, because those of interfaces have 15 letters at most
	subnet string
	count  int
}

// A machine is a place for processes, with an address.
type machine struct {
	*network
	name, address string
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	id := os.Getpid() % 10_000
	n := &network{t: t, prefix: fmt.Sprintf("osre%d", id), subnet: fmt.Sprintf("10.231.%d", id%250)}
	if out, err := exec.Command("ip", "netns", "add", n.prefix+"b").CombinedOutput(); err != nil {
		t.Skipf("needs network namespaces: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", n.prefix+"b").Run() })
	n.ip("-n", n.prefix+"b", "link", "add", "bridge", "type", "bridge")
	n.ip("-n", n.prefix+"b", "link", "set", "bridge", "up")
	// The test itself is on the network, too.
	n.plug(n.prefix, "")
	n.ip("addr", "add", n.subnet+".254/24", "dev", n.prefix)
	n.ip("link", "set", n.prefix, "up")
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", n.prefix).Run() })
	return n
}

func (n *network) ip(arguments ...string) {
	n.t.Helper()
	out, err := exec.Command("ip", arguments...).CombinedOutput()
	require.NoError(n.t, err, "ip %s: %s", strings.Join(arguments, " "), out)
}

// plug connects an interface, of a namespace or of the system, to the bridge.
func (n *network) plug(name, namespace string) {
	n.t.Helper()
	n.count++
	port := fmt.Sprintf("port%d", n.count)
	add := []string{"link", "add", name, "type", "veth", "peer", "name", port, "netns", n.prefix + "b"}
	if namespace != "" {
		add = append([]string{"-n", namespace}, add...)
	}
	n.ip(add...)
	n.ip("-n", n.prefix+"b", "link", "set", port, "master", "bridge", "up")
}

func (n *network) add(name string) machine {
	n.t.Helper()
	m := machine{network: n, name: n.prefix + name, address: fmt.Sprintf("%s.%d", n.subnet, n.count)}
	n.ip("netns", "add", m.name)
	n.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", m.name).Run() })
	n.plug("eth0", m.name)
	n.ip("-n", m.name, "addr", "add", m.address+"/24", "dev", "eth0")
	n.ip("-n", m.name, "link", "set", "eth0", "up")
	n.ip("-n", m.name, "link", "set", "lo", "up")
	return m
}

// cut drops what the machine sends to others, and so every connection between them.
func (m machine) cut(others ...machine) {
	m.t.Helper()
	for _, other := range others {
		m.ip("-n", m.name, "route", "add", "blackhole", other.address+"/32")
	}
}

// heal ends the cut.
func (m machine) heal(others ...machine) {
	m.t.Helper()
	for _, other := range others {
		m.ip("-n", m.name, "route", "del", "blackhole", other.address+"/32")
	}
}

// collector is one that runs on the machine. Its ports are those that are used without the test.
func (m machine) collector(builtin, catalog string, env ...string) *collector {
	m.t.Helper()
	c := prepareCollector(m.t, builtin, catalog, env...)
	c.within = []string{"ip", "netns", "exec", m.name}
	for key, port := range map[string]struct {
		address *string
		number  string
	}{
		"OTELCOL_SRE_OTLP_GRPC": {&c.otlpGRPC, "4317"}, "OTELCOL_SRE_OTLP_HTTP": {&c.otlpHTTP, "4318"}, "OTELCOL_SRE_PROMETHEUS": {&c.prometheus, "9464"},
		"OTELCOL_SRE_HEALTH": {&c.health, "13133"},
	} {
		*port.address = net.JoinHostPort(m.address, port.number)
		c.env = append(c.env, key+"="+*port.address)
	}
	c.telemetry = net.JoinHostPort(m.address, "8888")
	c.env = append(c.env, "OTELCOL_SRE_TELEMETRY_HOST="+m.address, "OTELCOL_SRE_TELEMETRY_PORT=8888")
	return c
}

// An agent loses both gateways, then one gateway loses everyone, the other gateway included, while spans keep coming. When the network is whole
// again, each SLO has one gateway that speaks for it, every event is counted once, and no span was given up.
func TestPartitions(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	catalog, names := shares(t)
	one, two, edge := n.add("1"), n.add("2"), n.add("a")
	var gateways []*collector
	for _, m := range []machine{one, two} {
		gateways = append(gateways, m.collector("gateway", catalog, "OTELCOL_SRE_PEERS="+one.address+":4319,"+two.address+":4319",
			"OTELCOL_SRE_PEERS_ENDPOINT="+m.address+":4319", "OTELCOL_SRE_PEERS_INSECURE=true"))
	}
	agent := edge.collector("agent", catalog, "OTELCOL_SRE_GATEWAY_INSECURE=true", "OTELCOL_SRE_GATEWAY="+gateways[0].otlpGRPC+","+gateways[1].otlpGRPC)
	for _, c := range append(gateways, agent) {
		c.start()
	}
	sent := 0
	// traffic is what comes in while the network is cut: longer than a client waits for an answer, so that senders have given up on connections.
	traffic := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			quarterBad(t, agent)
			sent += 40
		}
	}
	// behind tells how many SLOs a gateway has not counted everything of.
	behind := func(gateway *collector) (n int) {
		families := gateway.scrape()
		_, counters := speaks(gateway)
		for _, name := range counters {
			if good, _ := sum(families, "slo_events_total", "slo_name", name, "slo_outcome", "good"); good < float64(sent)*3/4 {
				n++
			}
		}
		return n
	}
	traffic(2 * time.Second)
	shareSLOs(t, gateways, names, sent)

	edge.cut(one, two)
	traffic(15 * time.Second)
	require.Positive(t, behind(gateways[0]))
	require.Positive(t, behind(gateways[1]))
	edge.heal(one, two)
	shareSLOs(t, gateways, names, sent)

	one.cut(two, edge)
	traffic(15 * time.Second)
	require.Positive(t, behind(gateways[0]))
	one.heal(two, edge)
	shareSLOs(t, gateways, names, sent)

	failed, _ := sum(agent.own(), "otelcol_exporter_send_failed_spans")
	assert.Zero(t, failed)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		var arrived float64
		for _, c := range gateways {
			accepted, _ := sum(c.own(), "otelcol_receiver_accepted_spans", "receiver", "otlp")
			arrived += accepted
		}
		assert.GreaterOrEqual(t, arrived, float64(sent), "an answer that is lost makes the agent send again")
	}, patience, 500*time.Millisecond)
	for _, c := range append(gateways, agent) {
		c.stop()
	}
}
