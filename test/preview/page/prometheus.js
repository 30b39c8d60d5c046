// Asks Prometheus' HTTP API what a panel asks its data source, and turns the answer into data frames as Grafana's does.
import { FieldType, rangeUtil } from '@grafana/data';

// The server of the preview passes on what is below this path.
const API = '/prometheus/api/v1/';

// ask returns the data of an answer; warnings and infos come along, because a panel shows them.
export async function ask(path, parameters) {
  const body = new URLSearchParams(parameters);
  const post = path.startsWith('query');
  const response = await fetch(API + path + (post ? '' : `?${body}`), post ? { method: 'POST', body } : {});
  const answer = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
  if (answer.status !== 'success') throw new Error(answer.error ?? 'no answer');
  return { data: answer.data, notices: { warnings: answer.warnings ?? [], infos: answer.infos ?? [] } };
}

const seconds = time => time.valueOf() / 1000;

export async function labelValues(label, matcher, { from, to }) {
  const parameters = [['start', seconds(from)], ['end', seconds(to)]];
  if (matcher) parameters.push(['match[]', matcher]);
  return (await ask(`label/${label}/values`, parameters)).data;
}

// seriesNames are the results of an instant query as text, as query_result() gives them to a variable's regex.
export async function seriesNames(query, { to }) {
  const { data } = await ask('query', { query, time: seconds(to) });
  return data.result.map(({ metric, value }) => `${seriesName(metric)} ${value[1]} ${value[0] * 1000}`);
}

// stepOf is the interval between two points of a graph so wide, and what the built-in variables say about it.
export function stepOf({ range, width, interval, maxDataPoints, scrapeInterval }) {
  const lowest = interval || scrapeInterval;
  const { intervalMs } = rangeUtil.calculateInterval(range, maxDataPoints ?? Math.max(1, Math.round(width)), lowest);
  const scrapeMs = rangeUtil.intervalToMs(scrapeInterval);
  const rangeMs = range.to.valueOf() - range.from.valueOf();
  const text = ms => (ms % 1000 ? `${ms}ms` : `${ms / 1000}s`);
  return {
    stepMs: intervalMs,
    scoped: {
      __interval: text(intervalMs), __interval_ms: intervalMs,
      __rate_interval: text(Math.max(intervalMs + scrapeMs, 4 * scrapeMs)),
      __range: `${Math.round(rangeMs / 1000)}s`, __range_s: Math.round(rangeMs / 1000), __range_ms: rangeMs,
      __from: range.from.valueOf(), __to: range.to.valueOf(),
    },
  };
}

// runTarget answers one query of a panel; replace puts the variables in its places.
export async function runTarget(target, { range, width, interval, maxDataPoints, scrapeInterval, replace }) {
  const { stepMs, scoped } = stepOf({ range, width, interval: target.interval || interval, maxDataPoints, scrapeInterval });
  const query = replace(target.expr, scoped);
  const results = [];
  const notices = [];
  if (target.range || !target.instant) {
    const align = time => (Math.floor(time.valueOf() / stepMs) * stepMs) / 1000;
    const answer = await ask('query_range', { query, start: align(range.from), end: align(range.to), step: stepMs / 1000 });
    results.push(...answer.data.result.map(({ metric, values }) => seriesFrame(target, query, stepMs, metric, values)));
    notices.push(answer.notices);
  }
  if (target.instant) {
    const answer = await ask('query', { query, time: seconds(range.to) });
    results.push(...pointsOf(answer.data).map(({ metric, value }) => seriesFrame(target, query, 0, metric, [value])));
    notices.push(answer.notices);
  }
  const exemplars = target.exemplar ? await exemplarsOf(query, range, stepMs) : [];
  return { frames: shaped(target, results), exemplars, notices };
}

const pointsOf = ({ resultType, result }) => (resultType === 'scalar' ? [{ metric: {}, value: result }] : result);

function seriesFrame({ refId, legendFormat }, query, interval, metric, values) {
  const name = legendOf(legendFormat, metric, query);
  return {
    refId, name, length: values.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: interval ? { interval } : {}, values: values.map(([time]) => Math.round(time * 1000)) },
      { name: metric.__name__ ?? 'Value', type: FieldType.number, labels: metric, config: name ? { displayNameFromDS: name } : {}, values: values.map(([, value]) => numberOf(value)) },
    ],
  };
}

const numberOf = text => Number(text.replace('Inf', 'Infinity'));

function seriesName({ __name__ = '', ...labels }) {
  const inside = Object.entries(labels).sort().map(([label, value]) => `${label}="${value}"`).join(', ');
  return inside || !__name__ ? `${__name__}{${inside}}` : __name__;
}

function legendOf(format, metric, query) {
  if (format === '__auto') return Object.keys(metric).length ? '' : query;
  const name = format ? format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? '') : seriesName(metric);
  return name === '{}' ? query : name;
}

function shaped({ format, refId }, frames) {
  if (format === 'heatmap') return heatmapRows(frames);
  if (format !== 'table') return frames;
  return [frames.length ? { refId, table: frames } : { refId, length: 0, fields: [], table: [] }];
}

// tabled turns the frames of table queries into tables: one a query, its series below each other, labels as columns.
export function tabled(frames) {
  const tables = frames.filter(frame => frame.table).length;
  return frames.map(({ table, refId, ...frame }) => {
    if (!table) return { refId, ...frame };
    if (tables === 1 && table.length === 0) return { refId, length: 0, fields: [] };
    const labels = [...new Set(table.flatMap(({ fields }) => Object.keys(fields[1].labels).sort()))];
    const rows = table.flatMap(({ fields: [time, value] }) => time.values.map((at, row) => ({ at, labels: value.labels, value: value.values[row] })));
    return {
      refId, length: rows.length,
      fields: [
        { name: 'Time', type: FieldType.time, config: {}, values: rows.map(row => row.at) },
        ...labels.map(label => ({ name: label, type: FieldType.string, config: {}, values: rows.map(row => row.labels[label] ?? '') })),
        { name: tables > 1 ? `Value #${refId}` : 'Value', type: FieldType.number, config: {}, values: rows.map(row => row.value) },
      ],
    };
  });
}

// heatmapRows makes one frame of a histogram's series, a field a bucket, each without those below it.
function heatmapRows(frames) {
  if (!frames.length) return [];
  const bound = frame => numberOf(frame.fields[1].labels.le ?? '+Inf');
  const buckets = [...frames].sort((a, b) => bound(a) - bound(b));
  const times = [...new Set(buckets.flatMap(({ fields }) => fields[0].values))].sort((a, b) => a - b);
  const counts = buckets.map(({ fields: [time, value] }) => {
    const at = new Map(time.values.map((moment, index) => [moment, value.values[index]]));
    return times.map(moment => at.get(moment) ?? 0);
  });
  return [{
    refId: frames[0].refId, length: times.length, meta: { type: 'heatmap-rows' },
    fields: [
      { ...buckets[0].fields[0], values: times },
      ...buckets.map((frame, index) => ({
        name: frame.fields[1].labels.le, type: FieldType.number, config: {},
        values: counts[index].map((count, row) => Math.max(0, count - (index ? counts[index - 1][row] : 0))),
      })),
    ],
  }];
}

async function exemplarsOf(query, { from, to }, stepMs) {
  const { data } = await ask('query_exemplars', { query, start: seconds(from), end: seconds(to) });
  return thinned(data.flatMap(({ exemplars }) => exemplars).map(({ timestamp, value, labels }) => ({ time: timestamp * 1000, value: Number(value), labels })), stepMs);
}

// thinned keeps, as Grafana does, the largest of each step, and of the others those that are two standard deviations below the one before.
function thinned(all, stepMs) {
  const mean = all.reduce((sum, { value }) => sum + value, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / all.length);
  const kept = new Map();
  for (const exemplar of [...all].sort((a, b) => b.value - a.value)) {
    const step = Math.floor(exemplar.time / stepMs);
    const before = kept.get(step) ?? [];
    if (!before.length || (deviation > 0 && before.at(-1).value - exemplar.value >= 2 * deviation)) kept.set(step, [...before, exemplar]);
  }
  return [...kept.values()].flat();
}
