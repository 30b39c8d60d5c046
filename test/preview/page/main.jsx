// The page of the preview: /d/UID draws one dashboard, anything else lists them.
// ?theme=light, ?from=now-1h&to=now, ?rows=open (collapsed ones too), ?var-NAME=VALUE as in Grafana.
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { ThemeContext, createTheme } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import './page.css';
import { Dashboard } from './Dashboard';
import { initialiseRegistries } from './fields';

initialiseRegistries();

const query = new URLSearchParams(location.search);
const theme = createTheme({ colors: { mode: query.get('theme') === 'light' ? 'light' : 'dark' } });

const fetched = async path => (await fetch(path)).json();

function Page({ dashboards, settings }) {
  const [width, setWidth] = useState(innerWidth - 32);
  addEventListener('resize', () => setWidth(innerWidth - 32), { once: true });
  const uid = location.pathname.match(/^\/d\/([^/]+)/)?.[1];
  const found = dashboards.find(({ json }) => json.uid === uid);
  if (!found) return <ul className="list">{dashboards.map(({ json }) => <li key={json.uid}><a href={`/d/${json.uid}${location.search}`}>{json.title}</a></li>)}</ul>;
  const asked = Object.fromEntries([...new Set(query.keys())].filter(key => key.startsWith('var-')).map(key => [key.slice(4), query.getAll(key)]));
  return <Dashboard json={found.json} settings={settings} asked={asked} width={width} openAll={query.get('rows') === 'open'} />;
}

async function start() {
  const [dashboards, settings] = await Promise.all([fetched('/dashboards'), fetched('/settings')]);
  const range = query.get('from') ? { from: query.get('from'), to: query.get('to') ?? 'now' } : settings.range;
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div className="page" style={{ background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
        <Page dashboards={dashboards} settings={{ ...settings, range, now: settings.now ?? Date.now() }} />
      </div>
      <PortalContainer />
    </ThemeContext.Provider>,
  );
}

start();
