// Asks a Prometheus by its JavaScript client, and writes what it says of a query as JSON.
import { PrometheusDriver } from "prometheus-query";

const [endpoint, query] = process.argv.slice(2);
const prometheus = new PrometheusDriver({ endpoint, baseURL: "/api/v1" });

const end = new Date();
const start = new Date(end - 60_000);
const instant = await prometheus.instantQuery(query);
const range = await prometheus.rangeQuery(query, start, end, 5);
console.log(JSON.stringify({
	instant: instant.result.map((r) => [r.metric.toString(), r.value.value]),
	range: range.result.map((r) => r.values.at(-1).value),
	series: (await prometheus.series([query], start, end)).length,
	jobs: await prometheus.labelValues("job", [query]),
	rules: (await prometheus.rules()).flatMap((group) => group.rules).map((rule) => rule.name),
	alerts: (await prometheus.alerts()).map((alert) => [alert.labels.alertname, alert.state]),
	targets: (await prometheus.targets()).activeTargets.length,
}));
