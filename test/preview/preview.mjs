// Draws the dashboards on the data of a Prometheus, takes a picture of each and checks what is on the page.
//
//   node preview.mjs --prometheus URL     any Prometheus
//   node preview.mjs --live PROGRAM       starts the program, whose first line of output says {"prometheus": URL, "from": ms, "to": ms}
//
//   --dashboards DIR   --images DIR   --range now-1h   --scrape-interval 15s   --only UID   --theme light   --serve PORT: no pictures, until Ctrl-C
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.mjs';
import { report } from './check.mjs';
import { start } from './children.mjs';
import { drawDashboards } from './draw.mjs';
import { serve } from './server.mjs';
import { minutes, seconds, within } from './wait.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const text = { type: 'string' };
const { values: flags } = parseArgs({ options: {
  prometheus: text, live: text, range: text, only: text, serve: text, dashboards: { ...text, default: join(here, '../../dashboards/examples') }, images: { ...text, default: join(here, 'build') },
  'scrape-interval': text, theme: { ...text, default: 'dark' }, chromium: { ...text, default: process.env.CHROMIUM ?? 'chromium' },
} });

// The program starts four programs, each of which may take minutes on a busy machine, and lives through a minute; it stops them one after the other.
const LIVE_READY = 10 * minutes;
const LIVE_STOP = 90 * seconds;

const interrupted = Promise.race(['SIGINT', 'SIGTERM'].map(signal => once(process, signal)));

process.exit(await main().catch(error => {
  console.error(`preview: ${error.message}`);
  return 2;
}));

async function main() {
  if (!flags.prometheus === !flags.live) throw new Error('say either --prometheus URL or --live PROGRAM');
  await bundle(here);
  const source = flags.live ? startLive(flags.live) : { ready: { prometheus: flags.prometheus }, stop() {} };
  try {
    return await Promise.race([preview(source), interrupted.then(() => 2)]);
  } finally {
    await source.stop();
  }
}

async function preview(source) {
  const { prometheus, from, to } = await source.ready;
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
  const url = new URL(`/api/v1/query?${new URLSearchParams({ query: 'up[5m]', time: at / 1000 })}`, prometheus);
  const answer = await fetch(url, { signal: AbortSignal.timeout(minutes) }).catch(error => { throw new Error(`${url}: ${error.cause?.message ?? error.message}`); });
  const { data } = await answer.json();
  const steps = data.result.flatMap(({ values }) => values.slice(1).map(([time], index) => time - values[index][0])).sort((a, b) => a - b);
  return steps.length ? `${Math.max(1, Math.round(steps[Math.floor(steps.length / 2)]))}s` : '15s';
}

function startLive(program) {
  console.log(`starting ${program}: it takes a minute until there is something to see`);
  const { child, gone, stop } = start(program, [], { stdio: ['ignore', 'pipe', 'inherit'] });
  const first = once(createInterface({ input: child.stdout }), 'line').then(([line]) => JSON.parse(line));
  const ended = gone.then(why => { throw new Error(`${program} ended before there was anything to see${why instanceof Error ? `: ${why.message}` : ''}`); });
  return { ready: within(LIVE_READY, `data from ${program}`, Promise.race([first, ended])), stop: () => stop(LIVE_STOP) };
}
