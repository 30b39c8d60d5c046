// One panel: its frame, its data, and what became of it for those who check (data-state).
import { Component, useEffect, useMemo, useState } from 'react';
import { EventBusSrv, rangeUtil } from '@grafana/data';
import { Icon, PanelChrome, PanelContextProvider, useTheme2 } from '@grafana/ui';
import { prepared } from './fields';
import { runTarget, tabled } from './prometheus';
import { Heatmap, LastValues, NeedsBackend, StateTimeline } from './standins';
import { panelRange } from './time';
import { BarGaugePanel, StatPanel, TablePanel, TextPanel, TimeSeriesPanel, graphDefaults } from './visualisations';

const visualisations = {
  stat: StatPanel, gauge: BarGaugePanel, bargauge: BarGaugePanel, timeseries: TimeSeriesPanel, table: TablePanel, text: TextPanel,
  'state-timeline': StateTimeline, 'status-history': StateTimeline, heatmap: Heatmap, barchart: LastValues, piechart: LastValues,
};

async function load(panel, context) {
  const targets = (panel.targets ?? []).filter(({ hide }) => !hide);
  const answers = await Promise.all(targets.map(target => runTarget(target, context)));
  const every = key => answers.flatMap(answer => answer[key]);
  const custom = panel.type === 'timeseries' ? graphDefaults : {};
  const statusItems = every('notices').flatMap(({ warnings, infos }) => [
    ...warnings.map(text => ({ severity: 'warning', text })), ...infos.map(text => ({ severity: 'info', text })),
  ]);
  return { ...(await prepared(tabled(every('frames')), panel, { ...context, custom })), exemplars: every('exemplars'), statusItems };
}

// isYoung says that the points of a panel are further apart than there is data: a day, when it began an hour ago.
const isYoung = ({ interval }, { from, to }, { dataStart }) => interval && dataStart && rangeUtil.intervalToMs(interval) > to - Math.max(from, dataStart);

const hasValues = data => data.some(({ fields }) => fields.some(({ type, values }) => type !== 'time' && values.some(value => value !== null && value !== undefined && value !== '' && !Number.isNaN(value))));

// missingBackend is the type of a data source that the preview cannot ask, if the panel has one.
const missingBackend = ({ targets = [], datasource }) => targets.map(target => (target.datasource ?? datasource)?.type).find(type => type && type !== 'prometheus');

export function Panel({ panel, width, height, dashboard }) {
  const { range, settings, replace, annotations } = dashboard;
  const theme = useTheme2();
  const [state, setState] = useState({ name: 'loading' });
  const { range: own, shown, problem } = useMemo(() => overridden(panel, range, settings), [panel, range]);
  const context = useMemo(() => ({ eventsScope: 'global', eventBus: new EventBusSrv(), canExecuteActions: () => false }), []);
  const backend = missingBackend(panel);
  const Visualisation = visualisations[panel.type];
  const replaceVariables = (text, scoped) => replace(text, { scoped });

  useEffect(() => {
    let current = true;
    const settle = next => { if (current) setState(next); };
    if (problem) settle({ name: 'error', error: problem });
    else if (backend) settle({ name: `needs-${backend}` });
    else if (!Visualisation) settle({ name: 'error', error: `the preview cannot draw a panel of type ${panel.type}` });
    else if (panel.type === 'text') settle({ name: 'data' });
    else load(panel, {
      range: own, width, interval: panel.interval, maxDataPoints: panel.maxDataPoints, scrapeInterval: settings.scrapeInterval, replaceVariables, theme, timeZone: 'browser',
      replace: (text, scoped) => replace(text, { scoped, format: 'prometheus' }),
    }).then(loaded => settle({ name: hasValues(loaded.data) ? 'data' : isYoung(panel, own, settings) ? 'young' : 'empty', ...loaded }), error => settle({ name: 'error', error: error.message }));
    return () => { current = false; };
  }, [panel, dashboard, theme, width]);

  const title = replace(panel.title, { format: 'text' });
  const draw = (innerWidth, innerHeight) => {
    if (backend) return <NeedsBackend kind={backend} queries={panel.targets.map(target => replace(target.expr ?? target.query ?? '', {}))} />;
    if (state.name === 'loading' || state.name === 'error') return <div className="no-data">{state.error}</div>;
    return <Visualisation {...state} options={panel.options ?? {}} range={own} timeZone="browser" width={innerWidth} height={innerHeight}
      annotations={annotations} replaceVariables={replaceVariables} />;
  };
  return (
    <section className="panel" data-panel={panel.id} data-type={panel.type} data-title={title} data-state={state.name} data-description={panel.description} data-error={state.error} data-notices={JSON.stringify(state.statusItems ?? [])}>
      <PanelContextProvider value={context}>
        <PanelChrome title={title} description={panel.description && replace(panel.description, {})} width={width} height={height} statusMessage={state.error} statusItems={state.statusItems}
          displayMode={panel.transparent ? 'transparent' : 'default'} padding={panel.type === 'table' ? 'none' : 'md'} titleItems={titleItems(panel, shown, replace)}>
          {(innerWidth, innerHeight) => <Boundary>{draw(innerWidth, innerHeight)}</Boundary>}
        </PanelChrome>
      </PanelContextProvider>
    </section>
  );
}

// Boundary keeps a panel that fails from taking the others with it; React reports the failure to the console, and so it is a defect.
class Boundary extends Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    return this.state.error ? <div className="no-data">{this.state.error.message}</div> : this.props.children;
  }
}

function overridden(panel, range, settings) {
  try {
    return panelRange(panel, range, settings);
  } catch (error) {
    return { range, problem: error.message };
  }
}

function titleItems({ links = [] }, time, replace) {
  return <>
    {links.map(({ title, url }) => <a key={url} className="panel-link" href={replace(url, {})} title={replace(title, {})}><Icon name="external-link-alt" size="sm" /></a>)}
    {time && <span className="panel-time"><Icon name="clock-nine" size="sm" /> {time}</span>}
  </>;
}
