// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Collector is the service name of the collector's own alerts.
const Collector = "otelcol-sre"

func ofCollector(a alerts.Alert) bool { return a.Service.Name == Collector }

func (c *subject) ofCollector() bool { return c.service.Name == Collector }

// A collectorTopic is the text about one of the collector's own alerts.
type collectorTopic struct {
	alert           string
	meaning, impact markdown
	tree            []markdown
	// inKubernetes are the questions of the tree that only make sense there.
	inKubernetes []markdown
	asks         []ask
	remedies     []remedy
}

// collectorGuide puts a topic into the frame that all alerts about the collector share.
func collectorGuide(a alerts.Alert) guide {
	g := plainGuide
	g.back = (*subject).collectorBack
	g.impact = func(*subject) markdown {
		return "SLOs, error budgets and deployment markers of all services depend on the collector.\n\n"
	}
	g.first = (*subject).firstOfCollector
	g.changed = (*subject).changedCollector
	g.diagnosis = (*subject).diagnoseCollector
	g.mitigation = func(c *subject) []remedy { return []remedy{c.restartCollector()} }
	g.silence = time.Hour
	g.stays = "The collector's other alerts stay active."
	if a.Name == "CollectorDown" {
		g.stays = "Caution: while this alert fires, silenced or not, the generated inhibition rules mute SLIMissing and ServiceSilent of all services. Burn alerts are not muted, but they have no data without a collector."
	}
	for _, t := range collectorTopics {
		if t.alert != a.Name {
			continue
		}
		g.meaning = func(*subject) markdown { return t.meaning + "\n\n" }
		g.impact = func(*subject) markdown { return t.impact + "\n\n" }
		g.diagnosis = func(c *subject) markdown {
			var b page
			b.steps(t.questions(c.kubernetes())...)
			b.paragraph(c.answers(t.asks))
			b.add(c.diagnoseCollector())
			return b.markdown()
		}
		g.mitigation = func(c *subject) []remedy { return append(slices.Clip(t.remedies), c.restartCollector()) }
		break
	}
	return g
}

// questions are those of the tree that this place can answer.
func (t collectorTopic) questions(kubernetes bool) []markdown {
	if !kubernetes {
		return t.tree
	}
	return append(slices.Clip(t.tree), t.inKubernetes...)
}

// kubernetes reports whether the catalog has a service that runs there: then the collector does, too, as far as anybody knows.
func (c *subject) kubernetes() bool {
	return c.o.Services.Any(func(s *catalog.Service) bool { return s.Deployment.Kubernetes != nil })
}

// collectorBack is the way back from a version or configuration of the collector.
func (c *subject) collectorBack() markdown {
	var b page
	b.paragraph("Did it begin with a new version, configuration or catalog of the collector? Restore the previous one now:")
	if c.kubernetes() {
		b.shell("kubectl rollout undo deployment/otelcol-sre", "kubectl rollout status deployment/otelcol-sre")
	}
	b.paragraph("Verify: it answers on port 13133, and the alert resolves. Undo: restore the new one.")
	return b.markdown()
}

func (c *subject) firstOfCollector() []markdown {
	return []markdown{
		"The label `instance` names the collector. Is it ready? `curl -s http://COLLECTOR:13133/` answers 200. If all are affected, they share the cause: backend, network or configuration.",
		"Its last log lines name the component and the error.",
		sprintf("Which of its other alerts fire? See %s. Fix memory and exports first: they cause refused and dropped data.", pageLink("the list", Index)),
	}
}

func (c *subject) changedCollector() markdown {
	var b page
	b.paragraph("The version, the configuration or the catalog?")
	commands := []string{"git log --since=yesterday --oneline -- CONFIG CATALOG"}
	if c.kubernetes() {
		commands = append(commands, "kubectl rollout history deployment/otelcol-sre")
	}
	b.shell(commands...)
	b.paragraph("More senders are a change as well.")
	return b.markdown()
}

func (c *subject) diagnoseCollector() markdown {
	commands := []string{"curl -s http://COLLECTOR:8888/metrics | grep '^otelcol_'", "srectl status"}
	if c.kubernetes() {
		commands = append([]string{"kubectl logs deployment/otelcol-sre --since=15m | grep -iE 'error|warn'"}, commands...)
	}
	return bounded("sh", commands...)
}

func (c *subject) restartCollector() remedy {
	r := remedy{
		name:   "Restart the collector",
		when:   "No other step helps, and its state is on disk (`OTELCOL_SRE_STORAGE`).",
		do:     "Counters, budgets and queues on disk are kept; queues in memory are lost.",
		verify: "It answers on port 13133, and `srectl status` shows the services.",
		undo:   "None is needed.",
	}
	if c.kubernetes() {
		r.commands = []string{"kubectl rollout restart deployment/otelcol-sre", "kubectl rollout status deployment/otelcol-sre"}
	}
	return r
}

var moreMemory = remedy{
	name:   "Give it more memory",
	when:   "The load has grown permanently.",
	do:     "Give the collector more memory (container limit and `GOMEMLIMIT` together), or run more instances: one agent per node, several gateways behind them.",
	verify: "At peak load, memory stays below the limiter's soft limit:",
	check:  []ask{memory},
	undo:   "Restore the old limit. The alert fires again if that limit was too low.",
}

var fixBackend = remedy{
	name:   "Fix the backend, or remove its exporter",
	when:   "The backend is down or refuses data.",
	do:     "Fix the backend, or remove its exporter from the pipelines for now. Until then data waits in the exporter's queue. When the queue is full, data is dropped.",
	verify: "The queue shrinks, and no further exports fail:",
	check:  []ask{queue, notSent},
	undo:   "Put the exporter back into the pipelines.",
}

var collectorTopics = []collectorTopic{
	{
		alert:   "CollectorDown",
		meaning: "Prometheus cannot scrape the collector: the collector is gone or hangs.",
		impact:  "No telemetry arrives. SLO events are not counted, so no burn alert can fire. Senders drop the data that they cannot deliver.",
		tree: []markdown{
			"**Is the process gone?** Exit code 137 is out of memory: [give it more](#give-it-more-memory). A configuration error: its last log line names file and key; [go back](#go-back-first).",
			"**Does it run, and port 13133 answers?** Only Prometheus' scrape fails: check the target, port 8888 and network policies.",
			"**Does it run, and port 13133 does not answer?** It is still starting (it reads a large checkpoint or queue), or it hangs: take a goroutine dump (`kill -QUIT`), then [restart](#restart-the-collector).",
		},
		asks:     []ask{scraped, memory},
		remedies: []remedy{moreMemory},
	},
	{
		alert:   "CollectorRefusingData",
		meaning: "Receivers refuse data because the pipeline behind them refuses it. Most often the memory limiter is the reason.",
		impact:  "Senders retry for a while, then drop the data. SLOs do not count events that were dropped.",
		tree: []markdown{
			"**Does the memory limiter refuse data?** Then [CollectorMemoryLimited](CollectorMemoryLimited.md) fires too: follow that page.",
			"**Does an exporter fail?** Without a queue, the backend's refusal reaches the receiver: [CollectorExportFailing](CollectorExportFailing.md).",
			"**Is it one receiver or sender only?** Messages are too large, or the receiver cannot read their encoding: its log says so. Inform the sender's owner.",
		},
		asks:     []ask{refused, limited, notSent},
		remedies: []remedy{fixBackend, moreMemory},
	},
	{
		alert:   "CollectorRefusedData",
		meaning: "A receiver has refused data, maybe only for a moment, because the pipeline behind it refused it. It does not go on, or CollectorRefusingData would fire.",
		impact:  "Senders that retry have sent the data again. Of the others, SLOs have not counted the events that were refused.",
		tree: []markdown{
			"**Has the memory limiter refused data?** Then [CollectorMemoryLimited](CollectorMemoryLimited.md) fires too: follow that page.",
			"**Was it while the collector started or stopped, or while traffic had a peak?** Then it is over. If it comes back, [give it more memory](#give-it-more-memory), or run more instances.",
			"**Is it one receiver or sender only?** Messages are too large, or the receiver cannot read their encoding: its log says so. Inform the sender's owner.",
		},
		asks:     []ask{refused, limited, accepted},
		remedies: []remedy{moreMemory, fixBackend},
	},
	{
		alert:   "CollectorQueueNearlyFull",
		meaning: "An exporter's queue is nearly full: the backend accepts less data than arrives. When the queue is full, data is dropped.",
		impact:  "Data is late, and will be lost soon. SLO events are counted before the queue and stay exact.",
		tree: []markdown{
			"**Do exports fail?** The backend is down or refuses data: [CollectorExportFailing](CollectorExportFailing.md).",
			"**Does more data arrive than last week?** Find the service that sends it: the runbooks of the services show their traffic.",
			"**Do exports succeed, but slowly?** The backend is slow, or too few requests run in parallel: [send more](#send-more-at-once).",
		},
		asks: []ask{queue, notSent, sent, accepted},
		remedies: []remedy{fixBackend, {
			name:   "Send more at once",
			when:   "The backend can accept more data than the exporter sends.",
			do:     "Raise `sending_queue::num_consumers` of the exporter, and `queue_size` for peaks.",
			verify: "The queue shrinks:",
			check:  []ask{queue},
			undo:   "Restore the old values.",
		}},
	},
	{
		alert:   "CollectorExportFailing",
		meaning: "An exporter cannot deliver data: the backend refuses it, is down or cannot be reached. Data that cannot be retried is dropped.",
		impact:  "Data is missing in the backend: its dashboards and searches have gaps. Alerts that query that backend do not work.",
		tree: []markdown{
			"**401 or 403 in the log?** The credentials expired or were rotated. Renew them.",
			"**429 or ResourceExhausted?** A limit of the backend is reached: raise it, or send less.",
			"**Connection refused, timeout, certificate?** The network or TLS between collector and backend is the cause.",
			"**400 or InvalidArgument?** The backend rejects the data: one sender is wrong, or the backend's version does not support the data. The exporter does not retry it.",
			"**None of these, and the collector was changed?** [Go back](#go-back-first).",
		},
		asks:     []ask{notSent, sent, queue},
		remedies: []remedy{fixBackend},
	},
	{
		alert:   "CollectorDroppingData",
		meaning: "The collector drops data that it had accepted: a queue is full, or all retries failed.",
		impact:  "Dropped data is permanently missing in that backend. SLO events are counted before the exporters; SLOs miss only events that never reached the connector.",
		tree: []markdown{
			"**Is a queue full?** [CollectorQueueNearlyFull](CollectorQueueNearlyFull.md).",
			"**Do exports fail permanently?** [CollectorExportFailing](CollectorExportFailing.md).",
			"**Is the label `signal` `waiting_items`?** The pipeline behind `correlation` refused items that had waited for an ID: see [CollectorMemoryLimited](CollectorMemoryLimited.md), or a queue is full.",
			"**Does the alert have the label `verdict`?** Counters of SLO events are refused: `overflow` means too many series, `too_old` a sender that is far behind, `invalid` counters with impossible values. The log names the service.",
			"**None of these?** The deployment tracker's table is full: the log names the services.",
		},
		asks:     []ask{queue, notQueued, verdicts},
		remedies: []remedy{fixBackend},
	},
	{
		alert:   "CollectorCannotJudge",
		meaning: "The collector receives events of an SLI that it can count neither as good nor as bad, or a metrics SLI has more good events than total events. The alert's labels `service`, `slo` and `reason` say of what, and why.",
		impact:  "The SLO misses these events, or looks better than the service is. Nothing else is affected.",
		tree: []markdown{
			"**`good_exceeds_total`?** The metric of the good events does not count the same events as the metric of the total: another `match`, retries, another unit. The log names the SLO once per hour.",
			"**`threshold_not_a_bound` or `threshold_unit`?** The histogram has no bucket that ends at the threshold: choose one of its bounds, let the service add a bucket, or set `betweenBuckets: interpolate`.",
			"**`not_a_counter`, `regressed` or `invalid_point`?** The service's metric has another type or other values than the SLI needs. The log names the metric.",
			"**`unknown_slo`?** Agents and gateway have different catalogs: an agent counts an SLO that the gateway does not know.",
			"**`too_many_streams`?** The metric has too many series: narrow the SLI's `match`.",
			"**Another reason?** A condition could not be evaluated for the event: an attribute has another type than the condition expects.",
		},
		asks: []ask{{"Events dropped or adjusted, per second, by reason",
			query{"sum by (instance, reason, service, slo) (rate(otelcol_connector_sli_events_dropped[5m]))\nor sum by (instance, reason, service, slo) (rate(otelcol_connector_sli_events_adjusted[5m]))", 6}}},
		remedies: []remedy{{
			name:     "Fix the SLI",
			when:     "The SLI does not match the telemetry that the service sends.",
			do:       "Change the SLI in the catalog:",
			commands: []string{"srectl validate CATALOG", "srectl diff --git HEAD~1 CATALOG"},
			verify:   "No further events are dropped, and the alert resolves.",
			undo:     "Revert the change of the catalog. The collector reads the catalog again automatically.",
		}},
	},
	{
		alert:   "CollectorMemoryLimited",
		meaning: "The memory limiter refuses data so that the collector does not run out of memory. Senders may lose the refused data.",
		impact:  "Senders are asked to retry later. Data that they drop is missing everywhere, in the SLOs too.",
		tree: []markdown{
			"**Does a queue grow?** A slow backend fills the memory: [CollectorQueueNearlyFull](CollectorQueueNearlyFull.md).",
			"**Did traffic grow?** Then the collector [needs more memory](#give-it-more-memory), or more instances.",
			"**Does memory grow without more traffic?** Attributes with many values create series: `srectl status` and the collector's log name the limits that were reached.",
			"**None of these?** Take a heap profile if the `pprof` extension is enabled, then [restart](#restart-the-collector).",
		},
		asks:     []ask{limited, memory, queue, accepted},
		remedies: []remedy{moreMemory, fixBackend},
	},
	{
		alert:   "CollectorCatalogRejected",
		meaning: "The collector rejected the catalog in its folder. It continues with the last valid catalog.",
		impact:  "Changes of services and SLOs have no effect. A collector that starts now has no catalog.",
		tree: []markdown{
			"**What is wrong?** `srectl validate CATALOG` gives file, line and fix of each problem. It reads catalogs as the collector does.",
			"**Does `srectl validate` find no error?** Then the collector reads another folder: check `OTELCOL_SRE_CATALOG`.",
		},
		asks: []ask{{"Problems that the collector found when it last read the catalog", query{"max by (instance, severity) (otelcol_extension_service_catalog_problems)", 6}}},
		remedies: []remedy{{
			name:     "Fix the catalog",
			when:     "A change made the catalog invalid.",
			do:       "Fix the catalog, or revert the change:",
			commands: []string{"srectl validate CATALOG", "git revert COMMIT"},
			verify:   "The collector logs the new revision within a minute.",
			undo:     "Revert the commit of the revert.",
		}},
	},
	{
		alert:   "CollectorCheckpointFailing",
		meaning: "The collector cannot save its state: changes of counters, budgets and deployments since the last checkpoint are only in memory. Or it started and could not read its saved state. The alert's label `state` names the state.",
		impact:  "While only saving fails, nothing is lost yet: a restart loses the events since the last checkpoint. State that could not be read is lost: counters and budgets start from zero.",
		tree: []markdown{
			"**Is the label `state` one of `damaged budgets`, `saved counters` and `saved deployments`?** The log names the file or record. Restore the storage folder from a backup if you have one.",
			"**No space left?** `df -h` and `df -i` of the storage folder.",
			"**Read-only or no permission?** The volume, or the user it runs as.",
			"**Locked?** Two collectors share one storage folder: give each its own.",
		},
		asks: []ask{{"Failed checkpoints per minute", query{"60 * sum by (instance) (rate(otelcol_processor_slo_checkpoint_failures[5m]))", 6}}},
		remedies: []remedy{{
			name:   "Make room on the volume",
			when:   "The volume is full.",
			do:     "Enlarge the volume, or remove files that do not belong to the collector. Do not restart the collector before it can save.",
			verify: "The next checkpoint succeeds within a minute.",
			undo:   "None is needed.",
		}},
	},
	{
		alert:   "CollectorCredentialsUnreadable",
		meaning: "The collector reads a file of tokens, or a certificate and its key, again and again, and cannot use what it finds. It continues with what it read before.",
		impact:  "Nothing is refused yet. A new token does not work, a removed token still does, and when the certificate expires, agents and services can no longer connect. HTTP servers (ports 4318 and 9464) refuse new TLS connections while certificate and key do not fit.",
		tree: []markdown{
			"**Is the label `credentials` `tokens`?** The log names the file. It is missing, or the collector's user may not read it. [Put the file in place](#put-the-files-in-place).",
			"**Is it `certificate`?** The log names both files and the reason. Often only one of the two was replaced: compare `openssl x509 -noout -pubkey -in tls.crt` with `openssl pkey -pubout -in tls.key`. [Put both in place](#put-the-files-in-place).",
		},
		inKubernetes: []markdown{"**Did a Secret lose a key?** The mounted folder follows the Secret: `kubectl describe secret`."},
		asks:         []ask{{"Failed readings per minute", query{`60 * sum by (instance) (rate(otelcol_extension_bearertokenauth_reloads{outcome="failed"}[5m])) or 60 * sum by (instance) (rate(otelcol_extension_mtls_reloads{outcome="failed"}[5m]))`, 6}}},
		remedies: []remedy{{
			name:   "Put the files in place",
			when:   "A file is missing, unreadable or incomplete.",
			do:     "Write the new files beside the old ones, with the same owner and mode, and rename them. The collector needs no restart. To revoke all tokens, empty the file of tokens; do not remove it.",
			verify: "The log says that a new certificate is in use, or that the tokens changed.",
			undo:   "Rename the earlier files back.",
		}},
	},
	{
		alert:   "CollectorSamplingEarly",
		meaning: "The trace sampler holds each span for some seconds, in case its trace turns bad. The spans of this time do not fit into its memory, so it decides about the oldest early.",
		impact:  "Spans that are bad are stored, and so is everything that follows in their traces. What happened more than a few seconds before may be missing. The share of the other traces, the SLOs and the metrics are right.",
		tree: []markdown{
			"**Did it begin with more traffic?** Compare received spans per second on the collector's dashboard. [Add memory or gateways](#add-memory-or-gateways).",
			"**Does one service send much more than before?** A loop, or a debug setting, may send spans that nobody needs: the panel of received spans per service on the fleet's dashboard shows it.",
		},
		asks: []ask{{"Spans decided early per second", query{`sum by (instance) (rate(otelcol_processor_trace_sampler_early[5m]))`, 6}}},
		remedies: []remedy{{
			name:   "Add memory or gateways",
			when:   "Traffic has grown.",
			do:     "Raise `processors::trace_sampler::max_bytes`, and the memory limit of the gateway by as much. Or add gateways: each has its own memory, and agents spread traces over them.",
			verify: "`otelcol_processor_trace_sampler_early` does not grow any more.",
			undo:   "Set the earlier value.",
		}, {
			name:   "Hold spans for a shorter time",
			when:   "Most traces are complete sooner.",
			do:     "Lower `processors::trace_sampler::wait`.",
			verify: "`otelcol_processor_trace_sampler_early` does not grow any more.",
			undo:   "Set the earlier value.",
		}},
	},
	{
		alert:   "CollectorCannotFindGateways",
		meaning: "An agent finds its gateways by a DNS name, and the name cannot be resolved, or has no address.",
		impact:  "The agent goes on with the gateways that it knew: new ones get nothing from it, and what is for a removed one waits. An agent that has just started knows no gateway and refuses data, so clients keep it.",
		tree: []markdown{
			"**Do all agents report it?** The name has no address, because no gateway is ready. Or the name in `OTELCOL_SRE_GATEWAY_DNS` is wrong.",
			"**Does one node report it?** DNS of that node fails, or a network policy forbids it.",
		},
		inKubernetes: []markdown{"`kubectl get endpointslices` shows the addresses of the headless Service, and `kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide` where DNS runs."},
		asks:         []ask{{"Failed lookups per second", query{`sum by (instance) (rate(otelcol_exporter_gateways_lookups_failed[5m]))`, 6}}, {"Gateways that each agent knows", query{`max by (instance) (otelcol_exporter_gateways_known)`, 6}}},
		remedies: []remedy{{
			name:   "Name the gateways",
			when:   "DNS does not work now, and the addresses of the gateways are known.",
			do:     "Start the agents without the fragment `gateway-dns`, and with `OTELCOL_SRE_GATEWAY` set to the addresses, separated by commas. All agents need the same list.",
			verify: "`otelcol_exporter_gateways_known` is the number of gateways in each agent.",
			undo:   "Start the agents as before.",
		}},
	},
	{
		alert:   "CollectorClockSkew",
		meaning: "Clocks differ: telemetry arrives with timestamps that are far from the collector's clock.",
		impact:  "Events are counted in the wrong window. Traces and logs look out of order, and a deployment may seem older than it is.",
		tree: []markdown{
			"**All services?** The collector's own clock is wrong: run `chronyc tracking` on its node. [Set the clock](#set-the-clock).",
			"**One service or node?** Its clock is wrong, or its telemetry is late: an agent that was disconnected sends its queue.",
		},
		asks: []ask{verdicts},
		remedies: []remedy{{
			name:     "Set the clock",
			when:     "A node's clock is wrong.",
			do:       "Let the node's time service set the clock, or drain the node:",
			commands: []string{"chronyc makestep"},
			verify:   "`chronyc tracking` shows less than a second, and the alert resolves.",
			undo:     "Put a node that was drained back into service.",
		}},
	},
}
