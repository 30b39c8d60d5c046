// The events that a dashboard's annotations mark in its graphs.
import { rangeUtil } from '@grafana/data';
import { ask } from './prometheus';

export async function annotationEvents(list, range, replace) {
  const asked = list.filter(({ enable, datasource }) => enable && datasource?.type === 'prometheus');
  const answers = await Promise.all(asked.map(annotation => eventsOf(annotation, range, replace)));
  return answers.flat();
}

async function eventsOf(annotation, { from, to }, replace) {
  const { expr, step } = { ...annotation, ...annotation.target };
  const stepMs = rangeUtil.intervalToMs(step || '60s');
  const { data } = await ask('query_range', {
    query: replace(expr), start: from.valueOf() / 1000, end: to.valueOf() / 1000, step: Math.min(stepMs, (to - from) / 20) / 1000,
  });
  const text = (format, metric) => (format ?? '').replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? '');
  const events = data.result.flatMap(({ metric, values }) => {
    const times = annotation.useValueForTime ? [...new Set(values.map(([, value]) => Math.floor(value)))] : spans(values, stepMs);
    return times.map(time => ({
      time, color: annotation.iconColor, name: annotation.name, title: text(annotation.titleFormat, metric), text: text(annotation.textFormat, metric),
    }));
  });
  return events.filter(({ time }) => time >= from.valueOf() && time <= to.valueOf());
}

// spans are the beginnings of the times during which a series was there.
function spans(values, stepMs) {
  return values.map(([time]) => time * 1000).filter((time, index, all) => index === 0 || time - all[index - 1] > 2 * stepMs);
}
