// The checks find what is planted in testdata/planted.json, and nothing else. The Prometheus is a fake: what a query is called decides what it answers.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { drawDashboards } from './draw.mjs';
import { serve } from './server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

const answers = {
  broken: { status: 'error', error: 'no such function' },
  nothing: { status: 'success', data: { result: [] } },
  warned: { status: 'success', warnings: ['half of the data is missing'] },
};

function fakePrometheus() {
  return createServer((request, response) => {
    let body = '';
    request.on('data', part => { body += part; }).on('end', () => {
      const query = new URLSearchParams(body).get('query') ?? '';
      const series = { metric: { service: 'shop', version: '1.0' } };
      const times = Array.from({ length: 60 }, (_, index) => NOW / 1000 - 3600 + index * 60);
      const value = query === 'nan' ? 'NaN' : '42';
      const result = request.url.includes('query_range') ? [{ ...series, values: times.map(time => [time, value]) }] : [{ ...series, value: [NOW / 1000, value] }];
      const data = request.url.includes('/label/') ? ['one', 'two'] : { resultType: 'vector', result };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ status: 'success', data, ...answers[query] }));
    });
  });
}

test('every planted defect is found, and nothing else', async () => {
  const prometheus = fakePrometheus();
  await new Promise(resolve => prometheus.listen(0, '127.0.0.1', resolve));
  const images = await mkdtemp(join(tmpdir(), 'preview-test-'));
  const dashboards = join(here, 'testdata');
  await bundle(here);
  const server = await serve({ here, dashboards, prometheus: `http://127.0.0.1:${prometheus.address().port}`, settings: { scrapeInterval: '15s', now: NOW } });
  try {
    const found = {};
    for await (const findings of drawDashboards({ url: server.url, here, dashboards, images, chromium: process.env.CHROMIUM ?? 'chromium' })) found[findings.name] = findings;
    assert.deepEqual(found.planted.defects.sort(), [
      'A ${nobody} in the text: has an unresolved variable: ${nobody}',
      'An unknown panel: error: the preview cannot draw a panel of type geomap',
      'Broken query: error: no such function',
      'Legend: has an unresolved variable: $nobody',
      'Link: unresolved variable in the link /d/$nobody/shop',
      'No number in a table: says NaN: NaN',
      'No number: draws nothing (stat)',
      'No number: is empty: No number',
      'Nothing: is empty: Nothing Nobody sends it',
      'Warned: half of the data is missing',
    ]);
    assert.deepEqual(found.planted.needs, ['Logs (loki)']);
    assert.deepEqual(found.planted.empty.sort(), ['No number', 'Nothing', 'Quiet']);
    assert.ok((await stat(join(images, 'dashboard-planted.png'))).size > 10_000);
  } finally {
    server.close();
    prometheus.close();
    await rm(images, { recursive: true });
  }
});
