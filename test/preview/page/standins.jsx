// Grafana's packages have no heatmap, state timeline, status history, bar or pie chart, and no backend of logs and traces is here.
// These are the preview's own drawings of them: the same data, colors and times, but not Grafana's pixels.
import { formattedValueToString, getFieldDisplayName } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { NoData } from './visualisations';

const LABELS = 140;

const shownText = (field, value) => formattedValueToString(field.display(value));

// series are the fields of values with their times, whatever frames they came in.
function series(data) {
  return data.flatMap(frame => {
    const time = frame.fields.find(({ type }) => type === 'time');
    return time ? frame.fields.filter(field => field !== time).map(field => ({ field, times: time.values, name: getFieldDisplayName(field, frame, data) })) : [];
  });
}

function timeAxis({ from, to }, width, y, theme) {
  const marks = Math.max(2, Math.floor(width / 120));
  const format = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: to - from < 600000 ? '2-digit' : undefined });
  return Array.from({ length: marks }, (_, index) => {
    const share = (index + 0.5) / marks;
    return <text key={index} x={LABELS + share * (width - LABELS)} y={y} fill={theme.colors.text.secondary} fontSize="12" textAnchor="middle">{format.format(from.valueOf() + share * (to - from))}</text>;
  });
}

// A row a series; neighbors of the same color and text become one bar.
export function StateTimeline({ data, fieldConfig, options, range, width, height }) {
  const theme = useTheme2();
  const rows = series(data);
  if (!rows.length) return <NoData fieldConfig={fieldConfig} />;
  const row = (height - 24) / rows.length;
  const x = time => LABELS + Math.max(0, Math.min(1, (time - range.from) / (range.to - range.from))) * (width - LABELS);
  return (
    <svg data-standin="state-timeline" width={width} height={height}>
      {rows.map(({ field, times, name }, index) => <g key={index} transform={`translate(0 ${index * row})`}>
        <text x={LABELS - 8} y={row / 2 + 4} fill={theme.colors.text.primary} fontSize="12" textAnchor="end">{name}</text>
        {bars(field, times, range.to.valueOf()).map((bar, at) => <g key={at}>
          <rect x={x(bar.from)} width={Math.max(1, x(bar.to) - x(bar.from))} y={row * 0.05} height={row * 0.9} fill={bar.color} fillOpacity={(field.config.custom?.fillOpacity ?? 70) / 100} />
          {options.showValue !== 'never' && x(bar.to) - x(bar.from) > 60 && <text x={x(bar.from) + 6} y={row / 2 + 4} fontSize="12" fill={theme.colors.getContrastText(bar.color)}>{bar.text}</text>}
        </g>)}
      </g>)}
      {timeAxis(range, width, Math.min(height - 4, rows.length * row + 18), theme)}
    </svg>
  );
}

function bars(field, times, end) {
  const all = [];
  field.values.forEach((value, index) => {
    if (value === null || value === undefined) return;
    const { color } = field.display(value);
    const bar = { from: times[index], to: times[index + 1] ?? end, color, text: shownText(field, value) };
    const last = all[all.length - 1];
    if (last && last.color === bar.color && last.to === bar.from) last.to = bar.to;
    else all.push(bar);
  });
  return all;
}

// Buckets from below upwards, time from left to right; the more, the stronger the color.
export function Heatmap({ data, fieldConfig, options, range, width, height }) {
  const theme = useTheme2();
  const [time, ...buckets] = data[0]?.fields ?? [];
  if (!buckets.length) return <NoData fieldConfig={fieldConfig} />;
  const most = Math.max(...buckets.flatMap(({ values }) => values)) || 1;
  const used = buckets.map(({ values }) => values.some(value => value > 0));
  const shown = buckets.slice(Math.max(0, used.indexOf(true) - 1), used.lastIndexOf(true) + 1);
  const [row, column] = [(height - 24) / shown.length, (width - LABELS) / time.values.length];
  return (
    <svg data-standin="heatmap" width={width} height={height}>
      {shown.map((bucket, index) => <g key={index} transform={`translate(0 ${(shown.length - 1 - index) * row})`}>
        <text x={LABELS - 8} y={row / 2 + 4} fill={theme.colors.text.primary} fontSize="12" textAnchor="end">{bucketName(bucket, options)}</text>
        {bucket.values.map((value, at) => value > 0 &&
          <rect key={at} x={LABELS + at * column} width={column + 0.5} y={1} height={Math.max(1, row - 1)} fill={theme.visualization.getColorByName(options.color?.fill ?? 'orange')} fillOpacity={0.1 + 0.9 * Math.sqrt(value / most)} />)}
      </g>)}
      {timeAxis(range, width, height - 4, theme)}
    </svg>
  );
}

function bucketName({ name, display }, { yAxis }) {
  if (!Number.isFinite(Number(name))) return name;
  return yAxis?.unit ? `${Number(name)} ${yAxis.unit}` : formattedValueToString(display(Number(name)));
}

// Bars of the last values, for bar and pie charts.
export function LastValues({ data, fieldConfig, width }) {
  const theme = useTheme2();
  const rows = data.flatMap(frame => frame.fields.filter(({ type }) => type === 'number').flatMap(field => {
    const name = frame.fields.find(({ type }) => type === 'string');
    return name ? field.values.map((value, row) => ({ field, value, name: name.values[row] })) : [{ field, value: field.values.findLast(value => value !== null), name: getFieldDisplayName(field, frame, data) }];
  }));
  if (!rows.length) return <NoData fieldConfig={fieldConfig} />;
  const most = Math.max(...rows.map(({ value }) => Math.abs(value))) || 1;
  return (
    <svg data-standin="last-values" width={width} height={rows.length * 24}>
      {rows.map(({ field, value, name }, index) => <g key={index} transform={`translate(0 ${index * 24})`} fontSize="12">
        <text x={LABELS - 8} y="16" textAnchor="end" fill={theme.colors.text.primary}>{name}</text>
        <rect x={LABELS} y="3" height="18" width={Math.max(1, (Math.abs(value) / most) * (width - LABELS - 70))} fill={field.display(value).color} />
        <text x={width - 4} y="16" textAnchor="end" fill={theme.colors.text.primary}>{shownText(field, value)}</text>
      </g>)}
    </svg>
  );
}

// What asks a data source that the preview has no backend for says so, with the query that Grafana would send.
export function NeedsBackend({ kind, queries }) {
  return <div className="needs-backend" data-standin="needs-backend">
    <p>Needs {kind}. In Grafana this panel asks:</p>
    {queries.map((query, index) => <code key={index}>{query}</code>)}
  </div>;
}
