// Draws dashboards in Chromium: a picture of each as it opens, then what is wrong with all of its panels.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import UPNG from 'upng-js';
import { defectsOf } from './check.mjs';
import { startChromium } from './chromium.mjs';
import { readDashboards } from './server.mjs';

// A laptop's width, and what is above its fold.
const SCREEN = { width: 1440, height: 900 };

// drawDashboards yields the findings of one dashboard after the other.
export async function* drawDashboards({ url, here, dashboards, images, only, theme = 'dark', chromium: program }) {
  await Promise.all([images, join(here, 'build')].map(folder => mkdir(folder, { recursive: true })));
  const chromium = await startChromium(program);
  try {
    for (const { file, json } of await readDashboards(dashboards)) {
      if (only && json.uid !== only) continue;
      const name = file.replace(/\.json$/, '');
      const page = await chromium.open(`${url}/d/${json.uid}?theme=${theme}`, SCREEN);
      await drawn(page);
      await picture(page, join(images, `dashboard-${name}.png`));
      await openRows(page);
      await writeFile(join(here, 'build', `${name}-open.png`), await page.screenshot());
      yield { name, ...await defectsOf(page, json) };
      await page.close();
    }
  } finally {
    await chromium.close();
  }
}

async function drawn(page) {
  if (!await page.until('document.documentElement?.dataset.done === "true"', 60_000)) page.complaints.push('not everything was drawn within a minute');
}

async function openRows(page) {
  await page.evaluate(`document.querySelectorAll('[data-row][aria-expanded=false]').forEach(row => { delete document.documentElement.dataset.done; row.click(); })`);
  await drawn(page);
}

// 256 colours are enough for a screen, and a third of the size.
async function picture(page, file) {
  const image = UPNG.decode(await page.screenshot());
  await writeFile(file, Buffer.from(UPNG.encode(UPNG.toRGBA8(image), image.width, image.height, 256)));
}
