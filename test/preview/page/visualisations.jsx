// The panels that Grafana's packages have, given what Grafana's application gives them.
import { useLayoutEffect, useMemo } from 'react';
import { VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues, renderTextPanelMarkdown, textUtil } from '@grafana/data';
import { BarGauge, BigValue, DataLinksContextMenu, TimeSeries, TooltipPlugin2, VizRepeater, useTheme2 } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

// What a panel shows in place of a graph without data.
export function NoData({ fieldConfig }) {
  return <div className="no-data">{fieldConfig.defaults.noValue || 'No data'}</div>;
}

// What a graph has unless its dashboard says otherwise.
export const graphDefaults = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', showPoints: 'auto', pointSize: 5,
  axisPlacement: 'auto', axisGridShow: true, axisColorMode: 'text', axisLabel: '', barAlignment: 0, spanNulls: false,
  stacking: { mode: 'none', group: 'A' }, scaleDistribution: { type: 'linear' }, hideFrom: { legend: false, tooltip: false, viz: false },
};

export function TimeSeriesPanel({ data, fieldConfig, options, range, timeZone, width, height, annotations, exemplars }) {
  const frames = useMemo(() => data.filter(({ fields }) => fields.some(({ type }) => type === 'number')).map(withGaps), [data]);
  if (!frames.length) return <NoData fieldConfig={fieldConfig} />;
  return (
    <TimeSeries frames={frames} timeRange={range} timeZone={timeZone} width={width} height={height} legend={options.legend} options={options}>
      {config => <>
        <Markers config={config} annotations={annotations} exemplars={exemplars} />
        <TooltipPlugin2 config={config} hoverMode={0} render={() => null} />
      </>}
    </TimeSeries>
  );
}

// withGaps leaves out what is no number: a NaN would take the whole axis with it.
const withGaps = frame => ({ ...frame, fields: frame.fields.map(field => (field.type === 'number' ? { ...field, values: field.values.map(value => (Number.isFinite(value) ? value : null)) } : field)) });

// Annotations as dashed lines with a triangle below, exemplars as diamonds: Grafana's application draws them, its packages do not.
function Markers({ config, annotations, exemplars }) {
  const theme = useTheme2();
  useLayoutEffect(() => {
    config.addHook('draw', plot => {
      const { ctx, bbox: { left, top, width, height } } = plot;
      const pixel = devicePixelRatio;
      ctx.save();
      for (const { time, color } of annotations) {
        const x = Math.round(plot.valToPos(time, 'x', true));
        ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
        ctx.setLineDash([5 * pixel, 5 * pixel]);
        ctx.lineWidth = 2 * pixel;
        drawPath(ctx, [[x, top], [x, top + height]], false);
        drawPath(ctx, [[x - 5 * pixel, top + height + 5 * pixel], [x + 5 * pixel, top + height + 5 * pixel], [x, top + height]], true);
      }
      ctx.fillStyle = theme.visualization.getColorByName('blue');
      for (const { time, value } of exemplars) { // One beyond the axis stands at its edge.
        const x = plot.valToPos(time, 'x', true);
        const y = Math.max(top, Math.min(top + height, plot.valToPos(value, plot.series[1].scale, true)));
        const r = 3.5 * pixel;
        if (x >= left && x <= left + width) drawPath(ctx, [[x - r, y], [x, y - r], [x + r, y], [x, y + r]], true);
      }
      ctx.restore();
    });
  }, [config]);
  return null;
}

function drawPath(ctx, points, filled) {
  ctx.beginPath();
  points.forEach(([x, y], index) => (index ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  if (filled) ctx.fill();
  else ctx.stroke();
}

// Repeated draws one value beside or below the other, each with its data links.
function Repeated({ data, fieldConfig, options, replaceVariables, timeZone, range, width, height, sparkline, draw, ...layout }) {
  const theme = useTheme2();
  const values = () => getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, data, sparkline, timeZone, percentChange: options.showPercentChange });
  return (
    <VizRepeater source={data} getValues={values} width={width} height={height} renderCounter={0} getAlignmentFactors={getDisplayValueAlignmentFactors}
      orientation={options.orientation ?? VizOrientation.Auto} {...layout}
      renderValue={place => place.value.hasLinks
        ? <DataLinksContextMenu links={place.value.getLinks}>{menu => draw({ ...place, theme, onClick: menu.openMenu, className: menu.targetClassName })}</DataLinksContextMenu>
        : draw({ ...place, theme })} />
  );
}

export function StatPanel(props) {
  const { options } = props;
  return (
    <Repeated {...props} autoGrid itemSpacing={3} sparkline={options.graphMode !== 'none'} draw={({ value, count, orientation, ...place }) =>
      <BigValue {...place} value={value.display} count={count} sparkline={value.sparkline} colorMode={options.colorMode} graphMode={options.graphMode}
        justifyMode={options.justifyMode} textMode={options.textMode} text={options.text} disableWideLayout={!options.wideLayout} percentChangeColorMode={options.percentChangeColorMode} />} />
  );
}

export function BarGaugePanel(props) {
  const { options } = props;
  const { minVizWidth, minVizHeight, maxVizHeight } = options;
  return (
    <Repeated {...props} itemSpacing={10} {...{ minVizWidth, minVizHeight, maxVizHeight }} draw={({ value, orientation, count, ...place }) =>
      <BarGauge {...place} value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} orientation={orientation}
        displayMode={options.displayMode} showUnfilled={options.showUnfilled} valueDisplayMode={options.valueMode} namePlacement={options.namePlacement} text={options.text} itemSpacing={10} />} />
  );
}

export function TablePanel({ data, fieldConfig, options, range, width, height }) {
  const frame = data[options.frameIndex] ?? data[0];
  if (!frame?.fields.length) return <NoData fieldConfig={fieldConfig} />;
  return (
    <TableNG data={frame} width={width} height={height} fieldConfig={fieldConfig} noHeader={!options.showHeader} sortBy={options.sortBy} timeRange={range}
      cellHeight={options.cellHeight} noValue={fieldConfig.defaults.noValue} resizable enableVirtualization={false} structureRev={1} />
  );
}

export function TextPanel({ options, replaceVariables }) {
  const text = replaceVariables(options.content);
  const html = options.mode === 'html' ? textUtil.sanitizeTextPanelContent(text) : renderTextPanelMarkdown(text);
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}
