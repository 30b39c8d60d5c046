// Drives a Chromium that is installed, by its DevTools protocol over a pipe: no browser is downloaded.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const flags = [
  '--headless=new', '--remote-debugging-pipe', '--no-first-run', '--hide-scrollbars', '--disable-gpu', '--force-color-profile=srgb', '--lang=en-US',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

export async function startChromium(program) {
  const profile = await mkdtemp(join(tmpdir(), 'preview-chromium-'));
  // As root Chromium starts only without its sandbox; the page it opens is our own.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const child = spawn(program, [...flags, ...asRoot, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, TZ: 'UTC' },
  });
  const [, , , commands, answers] = child.stdio;
  const waiting = new Map();
  const listeners = new Set();
  let last = 0;
  let unread = '';
  answers.setEncoding('utf8').on('data', text => {
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
    child.once('error', error => reject(new Error(`${program}: ${error.message}`)));
    child.once('exit', code => reject(new Error(`${program} ended with ${code}`)));
  });
  gone.catch(() => {});
  const send = (method, params, sessionId) => Promise.race([gone, new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    commands.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
  })]);
  return {
    open: (url, size) => openPage(send, listeners, url, size),
    close: async () => {
      await send('Browser.close').catch(() => {});
      await gone.catch(() => {});
      await rm(profile, { recursive: true, force: true });
    },
  };
}

// openPage opens a URL in a tab of its own; complaints are what the page throws or writes to its console as an error.
async function openPage(send, listeners, url, { width, height }) {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call = (method, params = {}) => send(method, params, sessionId);
  const complaints = [];
  const listen = ({ method, params, sessionId: from }) => {
    if (from !== sessionId) return;
    if (method === 'Runtime.exceptionThrown') complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error') complaints.push(params.args.map(arg => arg.value ?? arg.description).join(' '));
  };
  listeners.add(listen);
  await call('Runtime.enable');
  await call('Page.enable');
  const resize = to => call('Emulation.setDeviceMetricsOverride', { width, height: to, deviceScaleFactor: 1, mobile: false });
  await resize(height);
  await call('Page.navigate', { url });
  const evaluate = async expression => {
    const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  return {
    complaints, evaluate,
    // until waits for an expression to become true.
    until: async (expression, milliseconds) => {
      for (const end = Date.now() + milliseconds; Date.now() < end;) {
        if (await evaluate(expression)) return true;
        await new Promise(resolve => setTimeout(resolve, 100));
      }
      return false;
    },
    screenshot: async () => {
      const tall = await evaluate('document.documentElement.scrollHeight');
      await resize(Math.max(height, tall));
      await evaluate('new Promise(done => setTimeout(done, 300))');
      const { data } = await call('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
      return Buffer.from(data, 'base64');
    },
    close: async () => {
      listeners.delete(listen);
      await send('Target.closeTarget', { targetId });
    },
  };
}
