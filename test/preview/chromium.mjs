// Drives a Chromium that is installed, by its DevTools protocol over a pipe: no browser is downloaded.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from './children.mjs';
import { minutes, seconds, within } from './wait.mjs';

const flags = [
  '--headless=new', '--remote-debugging-pipe', '--no-first-run', '--hide-scrollbars', '--disable-gpu', '--force-color-profile=srgb', '--lang=en-US',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic', '--disable-dev-shm-usage',
  // A page is drawn, whether Chromium thinks that somebody sees it or not.
  '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
];

// On a machine with nothing else to do, the start takes a second and a command less.
const START = 2 * minutes;
const COMMAND = 2 * minutes;

export async function startChromium(program) {
  const profile = await mkdtemp(join(tmpdir(), 'preview-chromium-'));
  // As root Chromium starts only without its sandbox; the page it opens is our own.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const { child, stop } = start(program, [...flags, ...asRoot, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], env: { ...process.env, TZ: 'UTC' },
  }, () => rmSync(profile, { recursive: true, force: true, maxRetries: 10 }));
  const { send, listeners } = connect(child, program);
  const close = () => stop(10 * seconds, () => send('Browser.close'));
  try {
    await within(START, `${program} starts`, send('Browser.getVersion'));
  } catch (error) {
    await close();
    throw error;
  }
  return { tab: () => openTab(send, listeners), open: (url, size) => openPage(send, listeners, url, size), close };
}

// connect sends commands to Chromium and gets its answers; listeners hear everything else that it says.
function connect(child, program) {
  const [, , errors, commands, answers] = child.stdio;
  const waiting = new Map();
  const listeners = new Set();
  let last = 0;
  let unread = '';
  let lastWords = '';
  errors?.setEncoding('utf8').on('data', text => { lastWords = (lastWords + text).slice(-1000); });
  commands?.on('error', () => {}); // It has ended, which gone says.
  answers?.setEncoding('utf8').on('data', text => {
    const messages = (unread + text).split('\0');
    unread = messages.pop();
    messages.map(message => JSON.parse(message)).forEach(message => {
      if (!message.id) return listeners.forEach(listen => listen(message));
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      return message.error ? reject(new Error(message.error.message)) : resolve(message.result);
    });
  });
  const gone = new Promise((_, reject) => {
    child.once('error', error => reject(new Error(`${error.message}: install chromium, or name another one in CHROMIUM`)));
    child.once('exit', (code, signal) => reject(new Error(`${program} ended with ${signal ?? code}; its last words: ${lastWords.trim() || 'none'}`)));
  });
  gone.catch(() => {});
  const send = (method, params, sessionId) => within(COMMAND, `Chromium answers ${method}`, Promise.race([gone, new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    commands.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
  })]));
  return { send, listeners };
}

// openTab opens an empty tab: call commands it, listen hears what it says.
async function openTab(send, listeners) {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call = (method, params = {}) => send(method, params, sessionId);
  const own = new Set();
  const evaluate = async expression => {
    const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  return {
    call, evaluate,
    listen: hear => {
      const listen = message => message.sessionId === sessionId && hear(message);
      own.add(listen);
      listeners.add(listen);
    },
    // until waits for an expression to become true.
    until: async (expression, milliseconds) => {
      for (const end = Date.now() + milliseconds; Date.now() < end;) {
        if (await evaluate(expression)) return true;
        await new Promise(resolve => setTimeout(resolve, 100));
      }
      return false;
    },
    resize: (width, height) => call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false }),
    screenshot: async () => {
      const { data } = await call('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
      return Buffer.from(data, 'base64');
    },
    close: async () => {
      own.forEach(listen => listeners.delete(listen));
      await send('Target.closeTarget', { targetId });
    },
  };
}

// openPage opens a URL in a tab of its own; complaints are what the page throws or writes to its console as an error.
async function openPage(send, listeners, url, { width, height }) {
  const tab = await openTab(send, listeners);
  const { call, evaluate } = tab;
  const complaints = [];
  let loaded;
  const load = new Promise(resolve => { loaded = resolve; });
  tab.listen(({ method, params }) => {
    if (method === 'Page.loadEventFired') loaded();
    if (method === 'Runtime.exceptionThrown') complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error') complaints.push(params.args.map(arg => arg.value ?? arg.description).join(' '));
  });
  await call('Runtime.enable');
  await call('Page.enable');
  await tab.resize(width, height);
  await call('Page.bringToFront');
  const { errorText } = await call('Page.navigate', { url });
  if (errorText) throw new Error(`${url}: ${errorText}`);
  await within(COMMAND, `${url} is loaded`, load);
  // frames waits until the page was painted so often: on a busy machine that takes longer, as does what is to be painted.
  const frames = count => evaluate(`new Promise(done => { const next = left => (left ? requestAnimationFrame(() => next(left - 1)) : done()); next(${count}); })`);
  return {
    ...tab, complaints, frames,
    // fit makes the window as high as the page.
    fit: async () => tab.resize(width, Math.max(height, await evaluate('document.documentElement.scrollHeight'))),
  };
}
