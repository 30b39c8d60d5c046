// Writes the pictures of the README to docs/images, of what runs at http://localhost:8686. Six minutes after `make run`:
//
//	node test/browser/pictures.mjs
import { writeFile } from 'node:fs/promises';
import { startChromium } from '../preview/chromium.mjs';
import { newVisitor } from './visitor.mjs';

const { CHROMIUM = 'chromium', PAGE = 'http://localhost:8686' } = process.env;
const images = new URL('../../docs/images/', import.meta.url);

const chromium = await startChromium(CHROMIUM);
try {
  for (const [name, path, scheme, size, there] of [
    ['status-page', '/', 'light', [1440, 800], '.firing'],
    ['status-page-service', '/services/inventory?range=15m', 'dark', [1280, 1320], '.alert.page'],
    ['status-page-search', await failed('inventory'), 'light', [1280, 1000], '.waterfall .failed'],
  ]) {
    const visitor = await newVisitor(chromium, PAGE, size);
    await visitor.scheme(scheme);
    await visitor.open(path);
    await visitor.until(`document.querySelector(${JSON.stringify(there)})`);
    await writeFile(new URL(`${name}.png`, images), Buffer.from((await visitor.call('Page.captureScreenshot')).data, 'base64'));
  }
} finally {
  await chromium.close();
}

// failed is the page of a request that failed in a service.
async function failed(service) {
  const answer = await fetch(`${PAGE}/search?id=${service}`, { headers: { Accept: 'application/json' } });
  const { data: { items } } = await answer.json();
  return `/search?id=${items.find(item => item.signal === 'span' && item.service === service && item.failed).correlation_id}`;
}
