package runbooks

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// Collector is the service name of the collector's own alerts.
const Collector = "otelcol-sre"

func ofCollector(a alerts.Alert) bool { return a.Service.Name == Collector }

func (c *subject) ofCollector() bool { return c.service.Name == Collector }

// A collectorTopic is what there is to say of one of the collector's own alerts.
type collectorTopic struct {
	alert           string
	meaning, impact markdown
	tree            []markdown
	asks            []ask
	remedies        []remedy
}

// collectorGuide is the topic's in the frame that all the collector's alerts have.
func collectorGuide(a alerts.Alert) guide {
	g := plainGuide
	g.impact = func(*subject) markdown {
		return "SLOs, budgets and deploy markers of all services depend on it.\n\n"
	}
	g.first = (*subject).firstOfCollector
	g.changed = (*subject).changedCollector
	g.diagnosis = (*subject).diagnoseCollector
	g.mitigation = func(*subject) []remedy { return []remedy{restartCollector} }
	g.silence = time.Hour
	g.stays = "The collector's other alerts stay on."
	if a.Name == "CollectorDown" {
		g.stays = "Beware: silenced or not, while it fires the generated inhibition rules mute SLIMissing and ServiceSilent of all services. Burn alerts are not muted; but without a collector they see nothing."
	}
	for _, t := range collectorTopics {
		if t.alert != a.Name {
			continue
		}
		g.meaning = func(c *subject) markdown { return t.meaning + "\n\n" }
		g.impact = func(*subject) markdown { return t.impact + "\n\n" }
		g.diagnosis = func(c *subject) markdown {
			var b page
			b.paragraph(goDown)
			b.steps(t.tree...)
			for _, a := range t.asks {
				b.add(c.show(a.about, query{a.promql, 6}))
			}
			b.add(c.diagnoseCollector())
			return b.markdown()
		}
		g.mitigation = func(*subject) []remedy { return append(slices.Clip(t.remedies), restartCollector) }
		break
	}
	return g
}

func (c *subject) firstOfCollector() []markdown {
	return []markdown{
		sprintf("Is it still true? %s. The label `instance` says which collector; all of them: the cause is common (backend, network, configuration).", run("The condition, now", c, query{c.alert().Expr, 6})),
		"Is it ready? `curl -s http://COLLECTOR:13133/` answers 200 when it is.",
		"What does it say? Its last log lines name the component and the error.",
		sprintf("Which of its other alerts fire? See %s. Memory and export trouble come before refused and dropped data: treat those first.", pageLink("the list", Index)),
	}
}

func (c *subject) changedCollector() markdown {
	return "A new version, a new configuration, or a new catalog? Compare with what ran before:\n\n" +
		block("sh", "git log --since=yesterday --oneline -- CONFIG CATALOG\nkubectl rollout history deployment/otelcol-sre", "") +
		"\nMore senders or a new version of a large one is a change too: the service's own runbook lists its deploys.\n\n"
}

func (c *subject) diagnoseCollector() markdown {
	var b page
	b.paragraph("Its logs, its own metrics (port 8888), and the services it knows:")
	b.add(block("sh", "kubectl logs deployment/otelcol-sre --since=15m | grep -iE 'error|warn'\ncurl -s http://COLLECTOR:8888/metrics | grep '^otelcol_'\nsrectl status", "") + "\n")
	return b.markdown()
}

var restartCollector = remedy{
	name:     "Restart the collector",
	when:     "Nothing else helps, and its state is on disk (`OTELCOL_SRE_STORAGE`).",
	do:       "Restart it. Counters and budgets go on from the last checkpoint; queues on disk are kept, those in memory are lost.",
	commands: []string{"kubectl rollout restart deployment/otelcol-sre", "kubectl rollout status deployment/otelcol-sre"},
	verify:   "It answers on port 13133, `srectl status` shows the services, and the alert resolves:",
	check:    []query{{scraped.promql, 1}},
	undo:     "None is needed.",
}

var revertConfig = remedy{
	name:     "Go back to what ran before",
	when:     "It began with a new version or configuration.",
	do:       "Go back to what ran before:",
	commands: []string{"kubectl rollout undo deployment/otelcol-sre", "kubectl rollout status deployment/otelcol-sre"},
	verify:   "It answers on port 13133 and the alert resolves within its windows:",
	check:    []query{{scraped.promql, 1}},
	undo:     "The same command again.",
}

var moreMemory = remedy{
	name:   "Give it more memory",
	when:   "The load has grown for good.",
	do:     "Give it more memory (container limit and `GOMEMLIMIT` together), or run more of them: agents by node, gateways behind the `loadbalancing` exporter.",
	verify: "Memory stays below the limiter's soft limit at peak:",
	check:  []query{{memory.promql, 6}},
	undo:   "Take the old limit back; the alert returns if it was too low.",
}

var mendBackend = remedy{
	name:   "Mend the backend, or leave it out",
	when:   "The backend is down or refuses.",
	do:     "Mend the backend, or take its exporter out of the pipelines for now. Data for it waits in the queue until that is full, then it is dropped.",
	verify: "The queue shrinks and no further exports fail:",
	check:  []query{{queue.promql, 1}, {notSent.promql, 1}},
	undo:   "Put the exporter back into the pipelines.",
}

var collectorTopics = []collectorTopic{
	{
		alert:   "CollectorDown",
		meaning: "Prometheus cannot reach the collector: it is not there, or hangs.",
		impact:  "No telemetry arrives. SLOs are not counted; no burn alert can fire. Senders drop what they cannot deliver.",
		tree: []markdown{
			"**Is the process gone?** Exit code 137 is out of memory: [give it more](#give-it-more-memory). A configuration error: its last log line says file and key; [go back](#go-back-to-what-ran-before).",
			"**Does it run, and 13133 answers?** Prometheus' scrape is the trouble: target, port 8888, network policy.",
			"**Does it run, and 13133 does not answer?** It starts (a long checkpoint or queue to read) or hangs: take a goroutine dump (`kill -QUIT`), then [restart](#restart-the-collector).",
		},
		asks:     []ask{scraped, memory},
		remedies: []remedy{revertConfig, moreMemory},
	},
	{
		alert:   "CollectorRefusingData",
		meaning: "Receivers turn data away: the pipeline behind them says no, most often the memory limiter.",
		impact:  "Senders try again for a while, then drop. Events lost there are missing from the SLOs.",
		tree: []markdown{
			"**Does the memory limiter refuse?** Then [CollectorMemoryLimited](CollectorMemoryLimited.md) fires too: go there.",
			"**Does an exporter fail?** Without a queue the refusal comes from the backend: [CollectorExportFailing](CollectorExportFailing.md).",
			"**Is it one receiver or sender only?** Messages too large, or an encoding the receiver cannot read: its log says so. Tell the sender's owner.",
		},
		asks:     []ask{refused, limited, notSent},
		remedies: []remedy{mendBackend, moreMemory},
	},
	{
		alert:   "CollectorQueueNearlyFull",
		meaning: "An exporter's queue is nearly full: the backend takes less than arrives. When it is full, data is dropped.",
		impact:  "Data is late now, and lost soon. SLOs are counted before the queue and stay exact.",
		tree: []markdown{
			"**Do exports fail?** The backend is down or refuses: [CollectorExportFailing](CollectorExportFailing.md).",
			"**Is more taken in than last week?** Which service sends it: the runbooks of the services have their traffic.",
			"**Do exports succeed, slowly?** The backend is slow, or it is given too little at once: [send more](#send-more-at-once).",
		},
		asks: []ask{queue, notSent, sent, accepted},
		remedies: []remedy{mendBackend, {
			name:   "Send more at once",
			when:   "The backend can take more than it is given.",
			do:     "Raise `sending_queue::num_consumers` of the exporter, and `queue_size` to bridge peaks.",
			verify: "The queue shrinks:",
			check:  []query{{queue.promql, 1}},
			undo:   "Set the old values again.",
		}},
	},
	{
		alert:   "CollectorExportFailing",
		meaning: "An exporter cannot deliver: the backend refuses, is down or cannot be reached. What cannot be tried again is dropped.",
		impact:  "The backend misses data: dashboards and searches there have gaps. Alerts that need that backend are blind.",
		tree: []markdown{
			"**401 or 403 in the log?** Credentials: expired or rotated. Renew them.",
			"**429 or ResourceExhausted?** A limit of the backend: raise it, or send less.",
			"**Connection refused, timeout, certificate?** The network or TLS between the two.",
			"**400 or InvalidArgument?** The data: one bad sender, or a version of the backend that does not understand it. It is not tried again.",
			"**None of these, since a change of the collector?** [Go back](#go-back-to-what-ran-before).",
		},
		asks:     []ask{notSent, sent, queue},
		remedies: []remedy{mendBackend, revertConfig},
	},
	{
		alert:   "CollectorDroppingData",
		meaning: "Data that was accepted is thrown away: a full queue, or retries that ran out.",
		impact:  "What is dropped is lost for good in that backend. SLOs are counted before the exporters; they lose only what never reached the connector.",
		tree: []markdown{
			"**Is a queue full?** [CollectorQueueNearlyFull](CollectorQueueNearlyFull.md).",
			"**Do exports fail for good?** [CollectorExportFailing](CollectorExportFailing.md).",
			"**Is the label `signal` `waiting_items`?** The pipeline behind `correlation` refused what had waited for an ID: [CollectorMemoryLimited](CollectorMemoryLimited.md) or a full queue.",
			"**Does the alert have the label `verdict`?** Counters of SLO events are refused: `overflow` is too many series, `too_old` a sender far behind, `invalid` counters that cannot be true. The log names the service.",
			"**None of these?** The deploy tracker's table is full: the log says of which services.",
		},
		asks:     []ask{queue, notQueued, verdicts},
		remedies: []remedy{mendBackend, revertConfig},
	},
	{
		alert:   "CollectorCannotJudge",
		meaning: "Events reach the collector that an SLI names but that it can count neither as good nor as bad; or a metrics SLI has more good events than there were at all. The alert's label `reason` says which.",
		impact:  "The SLO is blind to these events, or kinder than the truth. Nothing else is affected.",
		tree: []markdown{
			"**`good_exceeds_total`?** The metric of the good events counts something else than that of the total: another `match`, retries, another unit. The log names the SLO, once an hour.",
			"**`threshold_not_a_bound` or `threshold_unit`?** The histogram has no bucket that ends at the threshold: choose one of its bounds, let the service add a bucket, or set `betweenBuckets: interpolate`.",
			"**`not_a_counter`, `regressed` or `invalid_point`?** The service's metric is not what the catalog takes it for. The log names it.",
			"**`unknown_slo`?** Agents and gateway have different catalogs: the one counts an SLO that the other does not know.",
			"**`too_many_streams`?** The metric has too many series: narrow the SLI's `match`.",
			"**Another reason?** A condition failed on the event: an attribute has another type than the condition expects.",
		},
		asks: []ask{{"Events not counted as they were sent, a second, by reason",
			"sum by (instance, reason) (rate(otelcol_connector_sli_events_dropped[5m]))\nor sum by (instance, reason) (rate(otelcol_connector_sli_events_adjusted[5m]))"}},
		remedies: []remedy{{
			name:     "Mend the SLI",
			when:     "It does not fit what the service sends.",
			do:       "Change it in the catalog:",
			commands: []string{"srectl validate CATALOG", "srectl diff --git HEAD~1 CATALOG"},
			verify:   "No further events are dropped, and the alert resolves.",
			undo:     "Revert the change of the catalog. The collector reads it again by itself.",
		}},
	},
	{
		alert:   "CollectorMemoryLimited",
		meaning: "The memory limiter refuses data so that the collector is not killed. It protects; it also loses data.",
		impact:  "Senders are told to come again later; what they drop is missing everywhere, the SLOs included.",
		tree: []markdown{
			"**Does a queue grow?** A slow backend fills the memory: [CollectorQueueNearlyFull](CollectorQueueNearlyFull.md).",
			"**Did traffic grow?** Then it [needs more memory](#give-it-more-memory), or more of its kind.",
			"**Does memory grow without traffic?** New attributes with many values make new series: `srectl status` and the collector's log name the limits that were reached.",
			"**None of these?** Take a heap profile, if the `pprof` extension is on; then [restart](#restart-the-collector).",
		},
		asks:     []ask{limited, memory, queue, accepted},
		remedies: []remedy{moreMemory, mendBackend, revertConfig},
	},
	{
		alert:   "CollectorCatalogRejected",
		meaning: "The collector refused the catalog in its folder. It goes on with the last good one.",
		impact:  "Changes of services and SLOs do not take effect. A collector that starts now has no catalog at all.",
		tree: []markdown{
			"**What is wrong?** `srectl validate CATALOG` says file, line and mend. It is the same loader.",
			"**It is valid there?** The collector sees another folder: `OTELCOL_SRE_CATALOG`, or a ConfigMap that has not been mounted again.",
		},
		asks: []ask{{"Problems that the collector found when it last read the catalog", "max by (instance, severity) (otelcol_extension_service_catalog_problems)"}},
		remedies: []remedy{{
			name:     "Mend the catalog",
			when:     "A change of the catalog broke it.",
			do:       "Mend it, or revert the change:",
			commands: []string{"srectl validate CATALOG", "git revert COMMIT"},
			verify:   "The collector logs the new revision within a minute.",
			undo:     "Revert the revert.",
		}},
	},
	{
		alert:   "CollectorCheckpointFailing",
		meaning: "The collector cannot save its state: counters, budgets and deployments since the last success are only in memory. Or it started and could not read what was saved. The alert's label `state` says which.",
		impact:  "While saving fails nothing is lost yet: a restart loses what was counted since the last checkpoint. What could not be read is lost: it begins anew.",
		tree: []markdown{
			"**Is the label `state` one of `damaged budgets`, `saved counters` and `saved deployments`?** The log names the file or record. Restore the storage folder from a backup if you have one.",
			"**No space left?** `df -h` and `df -i` of the storage folder.",
			"**Read-only or no permission?** The volume, or the user it runs as.",
			"**Locked?** Two collectors share one storage folder: give each its own.",
		},
		asks: []ask{{"Checkpoints that failed, a minute", "60 * sum by (instance) (rate(otelcol_processor_slo_checkpoint_failures[5m]))"}},
		remedies: []remedy{{
			name:   "Make room on the volume",
			when:   "The volume is full.",
			do:     "Enlarge it, or remove what is not the collector's. Do not restart before it can save.",
			verify: "The next checkpoint succeeds, within a minute.",
			undo:   "None is needed.",
		}},
	},
	{
		alert:   "CollectorClockSkew",
		meaning: "Clocks differ: telemetry arrives with times that are far from the collector's own.",
		impact:  "Events are counted in the wrong window. Traces and logs look out of order; a deployment may seem to be older than it is.",
		tree: []markdown{
			"**All services?** The collector's own clock: `chronyc tracking` on its node. [Set it](#set-the-clock).",
			"**One service or node?** That one's clock, or telemetry that is sent late: an agent that was cut off and catches up.",
		},
		asks: []ask{verdicts},
		remedies: []remedy{{
			name:     "Set the clock",
			when:     "A node's clock is wrong.",
			do:       "Let the node's time service step it, or drain the node:",
			commands: []string{"chronyc makestep"},
			verify:   "`chronyc tracking` shows less than a second, and the alert resolves.",
			undo:     "`kubectl uncordon NODE`, if it was drained.",
		}},
	},
}
