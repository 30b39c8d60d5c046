// Time ranges: "now-6h" as Grafana reads it, but "now" is one moment for the whole page, and nothing is shown from before there was data.
import { dateMath, dateTime, rangeUtil } from '@grafana/data';

export function timeRange({ from, to }, { now, dataStart }) {
  const moment = text => (/^\d+$/.test(text) ? dateTime(Number(text)) : dateTime(dateMath.parse(text).valueOf() - Date.now() + now));
  const [begin, end] = [moment(from), moment(to)];
  return { from: dataStart && begin.valueOf() < dataStart ? dateTime(dataStart) : begin, to: end, raw: { from, to } };
}

// panelRange is the dashboard's time, unless the panel has one of its own.
export function panelRange({ timeFrom, hideTimeOverride }, range, settings) {
  if (!timeFrom) return { range };
  const { from, to, display, invalid } = rangeUtil.describeTextRange(timeFrom);
  if (invalid) throw new Error(`invalid time override ${timeFrom}`);
  return { range: timeRange({ from, to }, settings), shown: hideTimeOverride ? '' : display };
}
