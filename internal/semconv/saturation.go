// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package semconv

import (
	"github.com/prometheus/otlptranslator"
	otel "go.opentelemetry.io/otel/semconv/v1.40.0"
)

// What a process or pod can run out of.
const (
	CPU    = "cpu"
	Memory = "memory"
)

// Saturated is the share of a limit above which an instance is close to it: alerts, dashboards and gates warn of it.
const Saturated = 0.9

// PodName and JVMMemoryType tell series of a service apart.
const (
	PodName       = string(otel.K8SPodNameKey)
	JVMMemoryType = "jvm.memory.type"
)

// TargetInfo is the metric in which Prometheus keeps the attributes of a resource.
const TargetInfo = "target_info"

// A Saturation is a way in which processes, pods and containers say how much they use of a resource.
type Saturation struct {
	Resource string // CPU or Memory
	Used     otlptranslator.Metric
	// Limit is what it is a share of; without a name, Used is that share, or there is no limit that is known.
	Limit otlptranslator.Metric
	// Heap says that they are of several kinds of memory, of which the heap counts.
	Heap bool
	// Of is what it is a share of, in words; "" for none.
	Of string
}

// Share reports whether it is a share of a limit.
func (s *Saturation) Share() bool { return s.Of != "" }

// Saturations are those of OpenTelemetry's conventions for Kubernetes, containers, processes and runtimes. Of several, the one that comes first says most.
var Saturations = []Saturation{
	{Resource: CPU, Used: share("k8s.pod.cpu_limit_utilization"), Of: "the pod's limit"},
	{Resource: CPU, Used: share("k8s.container.cpu_limit_utilization"), Of: "the container's limit"},
	{Resource: CPU, Used: seconds("process.cpu.time"), Limit: sized("go.processor.limit", "{thread}"), Of: "Go's processors"},
	{Resource: CPU, Used: share("jvm.cpu.recent_utilization"), Of: "the JVM's processors"},
	{Resource: CPU, Used: share("nodejs.eventloop.utilization"), Of: "the event loop's time"},
	{Resource: CPU, Used: seconds("dotnet.process.cpu.time"), Limit: sized("dotnet.process.cpu.count", "{cpu}"), Of: ".NET's processors"},
	{Resource: CPU, Used: share("process.cpu.utilization"), Of: "the process's processors"},
	{Resource: CPU, Used: plain("k8s.pod.cpu.usage", "{cpu}")},
	{Resource: CPU, Used: plain("container.cpu.usage", "{cpu}")},
	{Resource: CPU, Used: seconds("process.cpu.time")},
	{Resource: CPU, Used: seconds("dotnet.process.cpu.time")},

	{Resource: Memory, Used: share("k8s.pod.memory_limit_utilization"), Of: "the pod's limit"},
	{Resource: Memory, Used: share("k8s.container.memory_limit_utilization"), Of: "the container's limit"},
	{Resource: Memory, Used: sized("go.memory.used", "By"), Limit: sized("go.memory.limit", "By"), Of: "Go's limit"},
	{Resource: Memory, Used: sized("jvm.memory.used", "By"), Limit: sized("jvm.memory.limit", "By"), Heap: true, Of: "the JVM's heap"},
	{Resource: Memory, Used: sized("v8js.memory.heap.used", "By"), Limit: sized("v8js.memory.heap.limit", "By"), Of: "the heap of Node.js"},
	{Resource: Memory, Used: plain("k8s.pod.memory.working_set", "By")},
	{Resource: Memory, Used: plain("k8s.pod.memory.usage", "By")},
	{Resource: Memory, Used: plain("container.memory.working_set", "By")},
	{Resource: Memory, Used: plain("container.memory.usage", "By")},
	{Resource: Memory, Used: sized("process.memory.usage", "By")},
	{Resource: Memory, Used: sized("dotnet.process.memory.working_set", "By")},
	{Resource: Memory, Used: sized("go.memory.used", "By")},
	{Resource: Memory, Used: sized("jvm.memory.used", "By"), Heap: true},
	{Resource: Memory, Used: sized("v8js.memory.heap.used", "By")},
}

func share(name string) otlptranslator.Metric { return plain(name, "1") }

func plain(name, unit string) otlptranslator.Metric {
	return otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricTypeGauge}
}

// sized are sums that rise and fall.
func sized(name, unit string) otlptranslator.Metric {
	return otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricTypeNonMonotonicCounter}
}

func seconds(name string) otlptranslator.Metric {
	return otlptranslator.Metric{Name: name, Unit: "s", Type: otlptranslator.MetricTypeMonotonicCounter}
}
