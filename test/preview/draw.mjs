// Draws dashboards in Chromium: a picture of each as it opens, then what is wrong with all of its panels.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import UPNG from 'upng-js';
import { defectsOf } from './check.mjs';
import { startChromium } from './chromium.mjs';
import { readDashboards } from './server.mjs';
import { minutes, seconds } from './wait.mjs';

// A laptop's width, and what is above its fold.
const SCREEN = { width: 1440, height: 900 };

// How long a dashboard may take to ask for everything and draw it: an idle machine takes seconds.
const DRAWING = 4 * minutes;

// drawDashboards yields the findings of one dashboard after the other.
export async function* drawDashboards({ url, here, dashboards, images, only, theme = 'dark', chromium: program }) {
  await Promise.all([images, join(here, 'build')].map(folder => mkdir(folder, { recursive: true })));
  const wanted = (await readDashboards(dashboards)).filter(({ json }) => !only || json.uid === only);
  if (!wanted.length) throw new Error(`${dashboards} has no dashboard${only ? ` with the uid ${only}` : ''}`);
  const chromium = await startChromium(program);
  try {
    for (const { file, json } of wanted) {
      const name = file.replace(/\.json$/, '');
      const page = await chromium.open(`${url}/d/${json.uid}?theme=${theme}`, SCREEN);
      await drawn(page, name);
      await picture(page, join(images, `dashboard-${name}.png`));
      await page.evaluate(`document.querySelectorAll('[data-row][aria-expanded=false]').forEach(row => row.click())`);
      await drawn(page, name);
      await writeFile(join(here, 'build', `${name}-open.png`), await page.screenshot());
      yield { name, ...await defectsOf(page, json) };
      await page.close();
    }
  } finally {
    await chromium.close();
  }
}

// Everything is there when no panel waits for data any more; a page that failed says so. Tables measure themselves first.
const DRAWN = `document.fonts.status === 'loaded' && document.querySelector('[data-panel], [role=alert]') !== null && document.querySelector('[data-state=loading]') === null`;
const TABLES = `[...document.querySelectorAll('[data-type=table][data-state=data]')].every(table => table.querySelector('[role=gridcell]'))`;
const WAITING = `[...document.querySelectorAll('[data-state=loading]')].map(panel => panel.dataset.title).join(', ')`;

// drawn waits until everything is drawn in a window as high as the page. A table that stays blank is for the checks to find.
async function drawn(page, name) {
  if (!await page.until(DRAWN, DRAWING)) {
    const late = await page.evaluate(WAITING);
    throw new Error([`${name} is not drawn after ${DRAWING / seconds} s; without data: ${late || 'everything'}`, ...page.complaints].join('\n  '));
  }
  await page.fit();
  await page.frames(20);
  await page.until(TABLES, 30 * seconds);
  await page.frames(10);
}

// 256 colours are enough for a screen, and a third of the size.
async function picture(page, file) {
  const image = UPNG.decode(await page.screenshot());
  await writeFile(file, Buffer.from(UPNG.encode(UPNG.toRGBA8(image), image.width, image.height, 256)));
}
