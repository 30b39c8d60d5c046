package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// saturation is how near the service is to what limits it. What services report of it depends on their language and on
// where they run: each panel takes what there is. Of the instances it shows the worst, as that is the one that fails.
func (s service) saturation() {
	s.board.row("saturation", "Saturation", false, strip{7, []panel{s.cpu(), s.memory(), s.busy(), s.waiting()}})
}

// saturated is the share of a limit from which on the alerts open a ticket.
const saturated = 0.9

const (
	byRuntime    = "{{runtime}}"
	noSaturation = "No runtime metrics: let the service send those of its language (go.*, jvm.*, nodejs.*, process.*) or the kubelet_stats receiver those of its pods"
)

func (s service) cpu() panel {
	seconds := s.running(metricCPUTime).rate().sum(attrJob, attrInstance)
	used := either(
		s.pods(metricPodCPU).max().labelled(attrRuntime, "pod, of its limit"),
		seconds.over(s.running(metricGoProcessors).max(attrJob, attrInstance)).max().labelled(attrRuntime, "Go, of its processors"),
		s.running(metricJVMCPU).max().labelled(attrRuntime, "JVM, of the machine"),
		s.running(metricNodeLoop).max().labelled(attrRuntime, "Node.js event loop"),
		s.running(metricProcessCPU).max().labelled(attrRuntime, "process"),
	)
	return newLimited(about{"cpu", "CPU", "The busiest instance. Good is below the dashed line: above 90 % requests wait, and a pod that stays there opens a ticket, CPUSaturated.", 6},
		look{unit: "percentunit", min: new(0.0), none: noSaturation, steps: from("transparent", step(saturated, warning))}, graph("A", used, byRuntime))
}

// memory has the limit as lines of its own: not every instance has the same, or any.
func (s service) memory() panel {
	perInstance := func(m metric, more ...matcher) vector { return s.running(m, more...).sum(attrJob, attrInstance) }
	heap := equal(attrJVMMemory, "heap")
	pod := s.pods(metricPodMemory)
	used := either(
		pod.max().labelled(attrRuntime, "pod"),
		perInstance(metricGoMemory).max().labelled(attrRuntime, "Go"),
		perInstance(metricJVMMemory, heap).max().labelled(attrRuntime, "JVM heap"),
		perInstance(metricNodeMemory).max().labelled(attrRuntime, "Node.js heap"),
		s.running(metricProcessMemory).max().labelled(attrRuntime, "process"),
	)
	limit := either(
		pod.over(s.pods(metricPodMemoryShare).some()).min().labelled(attrRuntime, "pod"),
		perInstance(metricGoMemoryLimit).min().labelled(attrRuntime, "Go"),
		perInstance(metricJVMMemoryLimit, heap).min().labelled(attrRuntime, "JVM heap"),
		perInstance(metricNodeMemoryLimit).min().labelled(attrRuntime, "Node.js heap"),
	)
	return newGraph(about{"memory", "Memory", "The fullest instance, and its limit as a dashed line where it has one. Good is flat and well below: " +
		"a pod above 90 % of its limit opens a ticket, MemorySaturated; at the limit it is killed. A line that only rises is a leak.", 6},
		look{unit: "bytes", min: new(0.0), none: noSaturation, overrides: []dashboard.DashboardFieldConfigSourceOverrides{limits("limit")}},
		graph("used", used, byRuntime), graph("limit", limit, "limit, "+byRuntime))
}

// busy is what waits for something else, or is under way.
func (s service) busy() panel {
	busy := either(
		s.running(metricActive).sum().labelled(attrRuntime, "requests under way"),
		s.running(metricPending).sum().labelled(attrRuntime, "waiting for a connection"),
		s.running(metricGoroutines).max().labelled(attrRuntime, "goroutines"),
		s.running(metricThreads).max().labelled(attrRuntime, "JVM threads"),
	)
	return newGraph(about{"busy", "Queues and threads", "What is under way: requests and waits for a database of all instances, goroutines or threads of the fullest. " +
		"Good goes up and down with the requests; what only rises is stuck or leaks.", 6},
		look{unit: "short", decimals: new(0.0), min: new(0.0), none: noSaturation}, graph("A", busy, byRuntime))
}

// waiting is how long the runtime itself holds up requests.
func (s service) waiting() panel {
	percentile := func(m metric) vector {
		return s.names.suffixed(m, "_bucket", s.runtime()...).rate().sum(attrBound).quantile(0.99).some()
	}
	waits := either(
		percentile(metricGoSchedule).labelled(attrRuntime, "Go scheduler"),
		s.running(metricNodeDelay).max().labelled(attrRuntime, "Node.js event loop"),
		percentile(metricJVMPauses).labelled(attrRuntime, "JVM garbage collection"),
	)
	return newGraph(about{"waiting", "Held up by the runtime, 99 %", "How long the slowest one of 100 waits for a processor, its event loop or the garbage collector. " +
		"Good is milliseconds at most; more adds to every request.", 6},
		look{unit: "s", min: new(0.0), none: "No go.schedule.duration, nodejs.eventloop.delay.p99 or jvm.gc.duration from the service"}, graph("A", waits, byRuntime))
}

// running selects what the service reports of its own process. Environment and version are labels where Prometheus
// promotes the resource attributes; elsewhere all instances are seen.
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
