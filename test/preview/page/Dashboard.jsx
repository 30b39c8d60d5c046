// A dashboard: what stands above, and its panels on Grafana's grid of 24 columns.
import { useEffect, useState } from 'react';
import { Icon, LinkButton, Select, MultiSelect, Input } from '@grafana/ui';
import { annotationEvents } from './annotations';
import { Panel } from './Panel';
import { timeRange } from './time';
import { interpolate, resolveVariables } from './variables';

const GAP = 8;
const ROW = 30;

export function Dashboard({ json, settings, asked, width, openAll }) {
  const [dashboard, setDashboard] = useState(null);
  const [error, setError] = useState('');
  const [values, setValues] = useState(asked);
  const [open, setOpen] = useState(new Set(json.panels.filter(({ type, collapsed }) => type === 'row' && (openAll || !collapsed)).map(({ id }) => id)));

  useEffect(() => {
    const range = timeRange(settings.range ?? json.time, settings);
    const load = async () => {
      const variables = await resolveVariables(json.templating?.list ?? [], range, values);
      const everywhere = { __url_time_range: `from=${range.raw.from}&to=${range.raw.to}`, __dashboard: { value: json.title } };
      const replace = (text, how = {}) => interpolate(text, variables, { ...how, scoped: { ...everywhere, ...how.scoped } });
      const annotations = await annotationEvents(json.annotations?.list ?? [], range, text => replace(text, { format: 'prometheus' }));
      setDashboard({ json, range, settings, variables, replace, annotations });
    };
    load().catch(problem => setError(problem.message));
  }, [json, settings, values]);

  const placed = layout(json.panels, open);
  if (error) return <p role="alert" className="failed">{error}</p>;
  if (!dashboard) return null;
  const column = (width - 23 * GAP) / 24;
  const bottom = Math.max(...placed.map(({ y, h }) => y + h));
  return (
    <main>
      <Header dashboard={dashboard} onChange={(name, value) => setValues({ ...values, [name]: value })} />
      <div className="grid" style={{ height: bottom * (ROW + GAP) }}>
        {placed.map(({ panel, x, y, w, h }) => {
          const size = { width: w * column + (w - 1) * GAP, height: h * ROW + (h - 1) * GAP };
          return (
            <div key={panel.id} className="place" style={{ left: x * (column + GAP), top: y * (ROW + GAP), ...size }}>
              {panel.type === 'row'
                ? <RowHeader panel={panel} isOpen={open.has(panel.id)} replace={dashboard.replace} onToggle={() => setOpen(now => toggled(now, panel.id))} />
                : <Panel panel={panel} {...size} dashboard={dashboard} />}
            </div>
          );
        })}
      </div>
    </main>
  );
}

const toggled = (set, id) => (set.has(id) ? new Set([...set].filter(other => other !== id)) : new Set([...set, id]));

// layout opens and closes rows: what stands below moves down and up.
function layout(panels, open) {
  const placed = [];
  let shift = 0;
  let hidden = null;
  const ordered = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  for (const panel of ordered) {
    if (panel.type === 'row') {
      hidden = null;
      placed.push({ panel, ...panel.gridPos, y: panel.gridPos.y + shift });
      if (panel.panels?.length && open.has(panel.id)) {
        const first = Math.min(...panel.panels.map(({ gridPos }) => gridPos.y));
        const below = panel.gridPos.y + 1 + shift;
        placed.push(...panel.panels.map(child => ({ panel: child, ...child.gridPos, y: below + child.gridPos.y - first })));
        shift += Math.max(...panel.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) - first;
      } else if (!panel.panels?.length && !open.has(panel.id)) {
        hidden = panel;
      }
    } else if (!hidden) {
      placed.push({ panel, ...panel.gridPos, y: panel.gridPos.y + shift });
    }
  }
  return placed;
}

function RowHeader({ panel, isOpen, replace, onToggle }) {
  return <button className="row-header" data-row={panel.title} aria-expanded={isOpen} onClick={onToggle}>
    <Icon name={isOpen ? 'angle-down' : 'angle-right'} /> {replace(panel.title, { format: 'text' })}
    {!isOpen && panel.panels?.length > 0 && <span> ({panel.panels.length} panels)</span>}
  </button>;
}

function Header({ dashboard: { json, variables, replace, range }, onChange }) {
  const time = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' });
  return (
    <header>
      <div className="breadcrumbs">
        <a href="/">Dashboards</a> <Icon name="angle-right" /> <h1>{json.title}</h1>
        <span className="time"><Icon name="clock-nine" /> {time.format(range.from.valueOf())} to {time.format(range.to.valueOf())}</span>
      </div>
      <div className="controls">
        {Object.values(variables).filter(({ hide }) => hide !== 2 && hide !== 'hideVariable').map(variable => <Control key={variable.name} variable={variable} onChange={onChange} />)}
        <span className="links">
          {(json.links ?? []).filter(({ type }) => type === 'link').map(({ title, url, tooltip, icon }) =>
            <LinkButton key={title} variant="secondary" fill="outline" size="md" icon={icon === 'dashboard' ? 'apps' : 'external-link-alt'} href={replace(url, {})} tooltip={tooltip}>{replace(title, {})}</LinkButton>)}
        </span>
      </div>
    </header>
  );
}

function Control({ variable: { name, label, type, options, value, multi, includeAll }, onChange }) {
  const choices = [...(includeAll ? [{ label: 'All', value: '$__all' }] : []), ...options.map(option => ({ label: option, value: option }))];
  const control = {
    textbox: () => <Input defaultValue={value} width={20} onBlur={event => onChange(name, [event.currentTarget.value])} />,
    several: () => <MultiSelect options={choices} value={value} width="auto" onChange={chosen => onChange(name, chosen.map(one => one.value))} />,
    one: () => <Select options={choices} value={value} width="auto" onChange={chosen => onChange(name, [chosen.value])} />,
  };
  return <label className="control" data-variable={name}><span>{label || name}</span>{control[type === 'textbox' ? 'textbox' : multi ? 'several' : 'one']()}</label>;
}
