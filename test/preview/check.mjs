// What must hold of a page that is drawn, whatever its data.

// Text that says that something went wrong on its way to the page.
const broken = [
  [/\bNaN\b/, 'says NaN'],
  [/\bundefined\b|\[object Object\]|Invalid date/i, 'shows what was not meant to be seen'],
  [/\$\{[^}]*\}|\$[a-zA-Z_]\w*|\[\[\w+\]\]/, 'has an unresolved variable'],
  [/\{\{.*?\}\}/, 'has an unresolved label'],
];

// Runs in the page: every panel with what it shows; the preview's own placeholders quote queries, which are not text of the panel.
const seen = `[...document.querySelectorAll('[data-panel]')].map(panel => {
  const copy = panel.cloneNode(true);
  copy.querySelectorAll('code').forEach(code => code.remove());
  return {
    ...panel.dataset, text: [...copy.querySelectorAll('*')].flatMap(element => [...element.childNodes]).filter(node => node.nodeType === 3).map(node => node.data).join(' '),
    links: [...panel.querySelectorAll('a[href]')].map(link => decodeURIComponent(link.getAttribute('href'))),
    drawn: panel.querySelector('canvas, svg[data-standin], [role=gridcell], .markdown-html') !== null || panel.innerText.trim() !== panel.dataset.title,
  };
})`;

export async function defectsOf(page, json) {
  const panels = await page.evaluate(seen);
  const header = await page.evaluate(`[...document.querySelectorAll('header, [data-row], [role=alert]')].map(element => element.innerText).join(' ')`);
  const missing = panelsOf(json).filter(({ id }) => !panels.some(({ panel }) => panel === String(id)));
  const defects = [
    ...missing.map(({ title }) => `${title}: is not on the page`),
    ...panels.flatMap(panel => defectsOfPanel(panel).map(defect => `${panel.title}: ${defect}`)),
    ...textDefects(header).map(defect => `above the panels: ${defect}`),
    ...page.complaints.map(complaint => `the page complains: ${complaint.slice(0, 300)}`),
  ];
  const infos = panels.filter(panel => noticesOf(panel, 'info').length).map(({ title }) => title);
  const ids = state => panels.filter(panel => panel.state.startsWith(state)).map(panel => panel.title);
  return { defects: [...new Set(defects)], panels: panels.length, infos, young: ids('young'), empty: ids('empty'), needs: panels.filter(({ state }) => state.startsWith('needs-')).map(({ title, state }) => `${title} (${state.slice(6)})`) };
}

const panelsOf = ({ panels }) => panels.flatMap(panel => (panel.type === 'row' ? panel.panels ?? [] : [panel]));

const noticesOf = ({ notices }, severity) => JSON.parse(notices).filter(notice => notice.severity === severity).map(notice => notice.text);

function defectsOfPanel(panel) {
  const { state, description, text, links, drawn, type, error } = panel;
  const found = textDefects(text);
  if (state === 'error' || state === 'loading') found.push(`${state}${error ? `: ${error}` : ''}`);
  // Some panels are empty when all is well, and say so in their description.
  if (state === 'empty' && !/good is (an )?empty|good is none/i.test(description ?? '')) found.push(`is empty: ${text.slice(0, 160)}`);
  found.push(...noticesOf(panel, 'warning'));
  if (!drawn) found.push(`draws nothing (${type})`);
  found.push(...links.filter(link => /\$\{?\w|\{\{/.test(link.replaceAll('=$__all', ''))).map(link => `unresolved variable in the link ${link}`));
  return found;
}

const textDefects = text => broken.filter(([pattern]) => pattern.test(text)).map(([pattern, what]) => `${what}: ${text.match(pattern)[0]}`);

export function report(name, { defects, panels, infos, young, empty, needs }) {
  return [
    `${name}: ${panels} panels, ${defects.length} defects`,
    ...defects.map(defect => `  ${defect}`),
    ...(young.length ? [`  needs more time than there is data: ${young.join(', ')}`] : []),
    ...(empty.length ? [`  empty: ${empty.join(', ')}`] : []),
    ...(infos.length ? [`  infos from Prometheus: ${infos.join(', ')}`] : []),
    ...(needs.length ? [`  no backend here: ${needs.join(', ')}`] : []),
  ].join('\n');
}
