// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// saturation shows how close the service is to its limits. The available metrics depend on language and
// platform: each panel uses those that exist. It shows the worst instance, because that one fails first.
func (s service) saturation() {
	s.board.row("saturation", "Saturation", false, strip{7, []panel{s.cpu(), s.memory(), s.busy(), s.waiting()}})
}

const (
	byRuntime    = "{{runtime}}"
	noSaturation = "No runtime metrics: let the service send those of its language (go.*, jvm.*, nodejs.*, process.*) or the kubelet_stats receiver those of its pods"
)

func (s service) cpu() panel {
	seconds := s.running(metricCPUTime).rate().sum(attrJob, attrInstance)
	used := either(
		s.pods(metricPodCPU).max().labeled(attrRuntime, "pod, of its limit"),
		seconds.over(s.running(metricGoProcessors).max(attrJob, attrInstance)).max().labeled(attrRuntime, "Go, of its processors"),
		s.running(metricJVMCPU).max().labeled(attrRuntime, "JVM, of the machine"),
		s.running(metricNodeLoop).max().labeled(attrRuntime, "Node.js event loop"),
		s.running(metricProcessCPU).max().labeled(attrRuntime, "process"),
	)
	return newLimited(about{"cpu", "CPU", "Utilization of the busiest instance. Good is below the dashed line: above 90 % requests wait, and the alert CPUSaturated opens a ticket for the pod.", 6},
		look{unit: "percentunit", min: new(0.0), none: noSaturation, steps: from("transparent", step(semconv.Saturated, warning))}, graph("A", used, byRuntime))
}

// memory has the limit as lines of its own: not every instance has the same, or any.
func (s service) memory() panel {
	perInstance := func(m metric, more ...matcher) vector { return s.running(m, more...).sum(attrJob, attrInstance) }
	heap := equal(attrJVMMemory, "heap")
	pod := s.pods(metricPodMemory)
	used := either(
		pod.max().labeled(attrRuntime, "pod"),
		perInstance(metricGoMemory).max().labeled(attrRuntime, "Go"),
		perInstance(metricJVMMemory, heap).max().labeled(attrRuntime, "JVM heap"),
		perInstance(metricNodeMemory).max().labeled(attrRuntime, "Node.js heap"),
		s.running(metricProcessMemory).max().labeled(attrRuntime, "process"),
	)
	limit := either(
		pod.over(s.pods(metricPodMemoryShare).some()).min().labeled(attrRuntime, "pod"),
		perInstance(metricGoMemoryLimit).min().labeled(attrRuntime, "Go"),
		perInstance(metricJVMMemoryLimit, heap).min().labeled(attrRuntime, "JVM heap"),
		perInstance(metricNodeMemoryLimit).min().labeled(attrRuntime, "Node.js heap"),
	)
	return newGraph(about{"memory", "Memory", "Memory of the instance closest to its limit, with the limit as a dashed line if it has one. Good is flat and far below: " +
		"above 90 % of a pod's limit the alert MemorySaturated opens a ticket; at the limit the pod is killed. A line that only rises is a leak.", 6},
		look{unit: "bytes", min: new(0.0), none: noSaturation, overrides: []dashboard.DashboardFieldConfigSourceOverrides{limits("limit")}},
		graph("used", used, byRuntime), graph("limit", limit, "limit, "+byRuntime))
}

// busy shows requests in progress and waiting.
func (s service) busy() panel {
	busy := either(
		s.running(metricActive).sum().labeled(attrRuntime, "requests in progress"),
		s.running(metricPending).sum().labeled(attrRuntime, "waiting for a connection"),
		s.running(metricGoroutines).max().labeled(attrRuntime, "goroutines"),
		s.running(metricThreads).max().labeled(attrRuntime, "JVM threads"),
	)
	return newGraph(about{"busy", "Queues and threads", "Requests in progress and waits for a database connection of all instances, and goroutines or threads of the instance with the most. " +
		"Good follows the number of requests. A line that only rises means stuck requests or a leak.", 6},
		look{unit: "short", decimals: new(0.0), min: new(0.0), none: noSaturation}, graph("A", busy, byRuntime))
}

// waiting shows delays by the runtime itself.
func (s service) waiting() panel {
	percentile := func(m metric) vector {
		return s.names.suffixed(m, "_bucket", s.runtime()...).rate().sum(attrBound).quantile(0.99).some()
	}
	waits := either(
		percentile(metricGoSchedule).labeled(attrRuntime, "Go scheduler"),
		s.running(metricNodeDelay).max().labeled(attrRuntime, "Node.js event loop"),
		percentile(metricJVMPauses).labeled(attrRuntime, "JVM garbage collection"),
	)
	return newGraph(about{"waiting", "Delays by the runtime, 99 %", "The 99th percentile of waits for a processor, the event loop or the garbage collector. " +
		"Good is a few milliseconds at most. Longer waits add to every request.", 6},
		look{unit: "s", min: new(0.0), none: "No go.schedule.duration, nodejs.eventloop.delay.p99 or jvm.gc.duration from the service"}, graph("A", waits, byRuntime))
}

// running selects metrics of the service's own process. Environment and version are labels only if Prometheus
// promotes the resource attributes. Otherwise the panel shows all instances.
func (s service) running(m metric, more ...matcher) vector {
	return s.names.series(m, append(s.runtime(), more...)...)
}

func (s service) runtime() []matcher {
	job := s.Name
	if s.Namespace != "" {
		job = s.Namespace + "/" + job
	}
	return []matcher{equal(attrJob, job), chosenOrNone(semconv.Environment, variableEnvironment), chosenOrNone(semconv.ServiceVersion, variableVersion)}
}

// pods selects those of the service's workload, as its alerts do; without one in the catalog, those of its name.
func (s service) pods(m metric) vector {
	namespace, kind, name := s.Namespace, "Deployment", s.Name
	if w := s.Deployment.Kubernetes; w != nil {
		namespace, kind, name = w.Namespace, w.Kind, w.Name
	}
	return s.names.series(m, equal(attrPodNamespace, namespace), equal(workloads[kind], name))
}

// workloads are the attributes that name a workload of a kind.
var workloads = map[string]string{
	"Deployment": attrDeploymentName, "Rollout": attrDeploymentName, "StatefulSet": attrStatefulSet, "DaemonSet": attrDaemonSet,
}
