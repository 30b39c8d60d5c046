// Draws the dashboards on the data of a Prometheus, takes a picture of each and checks what is on the page.
//
//   node preview.mjs --prometheus URL     any Prometheus
//   node preview.mjs --live PROGRAM       starts the program, whose first line of output says {"prometheus": URL, "from": ms, "to": ms}
//
//   --dashboards DIR   --images DIR   --range now-1h   --scrape-interval 15s   --only UID   --theme light   --serve PORT: no pictures, until Ctrl-C
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.mjs';
import { report } from './check.mjs';
import { drawDashboards } from './draw.mjs';
import { serve } from './server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const text = { type: 'string' };
const { values: flags } = parseArgs({ options: {
  prometheus: text, live: text, range: text, only: text, serve: text, dashboards: { ...text, default: join(here, '..') }, images: { ...text, default: join(here, 'build') },
  'scrape-interval': text, theme: { ...text, default: 'dark' }, chromium: { ...text, default: process.env.CHROMIUM ?? 'chromium' },
} });

const interrupted = Promise.race(['SIGINT', 'SIGTERM'].map(signal => once(process, signal)));

process.exit(await main().catch(error => {
  console.error(`preview: ${error.message}`);
  return 2;
}));

async function main() {
  if (!flags.prometheus === !flags.live) throw new Error('say either --prometheus URL or --live PROGRAM');
  const [source] = await Promise.all([flags.live ? startLive(flags.live) : { prometheus: flags.prometheus, stop() {} }, bundle(here)]);
  try {
    return await Promise.race([preview(source), interrupted.then(() => 2)]);
  } finally {
    await source.stop();
  }
}

async function preview({ prometheus, from, to }) {
  const settings = {
    scrapeInterval: flags['scrape-interval'] ?? await scrapeInterval(prometheus, to ?? Date.now()), dataStart: from, now: to, range: flags.range && { from: flags.range, to: 'now' },
  };
  const server = await serve({ here, dashboards: flags.dashboards, prometheus: prometheus.replace(/\/$/, ''), settings, port: Number(flags.serve ?? 0) });
  try {
    if (flags.serve) {
      console.log(`dashboards on ${server.url}, until Ctrl-C`);
      await interrupted;
      return 0;
    }
    let failed = 0;
    for await (const { name, ...findings } of drawDashboards({ url: server.url, here, ...flags })) {
      failed += findings.defects.length;
      console.log(report(name, findings));
    }
    console.log(failed ? `${failed} defects` : 'no defects');
    return failed ? 1 : 0;
  } finally {
    server.close();
  }
}

// Grafana is told the scrape interval in the data source's settings; here the time between two samples of a target says it.
async function scrapeInterval(prometheus, at) {
  const answer = await fetch(new URL(`/api/v1/query?${new URLSearchParams({ query: 'up[5m]', time: at / 1000 })}`, prometheus));
  const { data } = await answer.json();
  const steps = data.result.flatMap(({ values }) => values.slice(1).map(([time], index) => time - values[index][0])).sort((a, b) => a - b);
  return steps.length ? `${Math.max(1, Math.round(steps[Math.floor(steps.length / 2)]))}s` : '15s';
}

async function startLive(program) {
  console.log(`starting ${program}: it takes a minute until there is something to see`);
  const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const line = await Promise.race([once(lines, 'line').then(([first]) => first), ended.then(() => ''), interrupted.then(() => '')]);
  if (line) return { ...JSON.parse(line), stop };
  await stop();
  throw new Error(`${program} ended before there was anything to see`);
}
