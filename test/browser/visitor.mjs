// A visitor is a tab that remembers everything that is wrong with what it saw.
import { minutes, seconds, within } from '../preview/wait.mjs';

// On a machine with nothing else to do, a page is there in a fraction of a second.
const LOADING = minutes;

// newVisitor opens a tab for the pages of a site. Complaints are errors of scripts and of the console, what the Content-Security-Policy
// refuses, requests that fail, and dialogs.
export async function newVisitor(chromium, site, [width, height]) {
  const tab = await chromium.tab();
  const { call, evaluate } = tab;
  const complaints = [];
  let bytes = 0;
  let loaded = () => {};
  tab.listen(({ method, params }) => {
    if (method === 'Page.loadEventFired') loaded();
    if (method === 'Network.loadingFinished') bytes += params.encodedDataLength;
    if (method === 'Page.javascriptDialogOpening') call('Page.handleJavaScriptDialog', { accept: false }).catch(() => {}); // The tab is being closed.
    const complaint = wrong[method]?.(params);
    if (complaint) complaints.push(complaint);
  });
  for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits']) await call(`${domain}.enable`);
  await tab.resize(width, height);
  await call('Page.bringToFront');

  // loading does what leads to another page and waits for that.
  async function loading(what, lead) {
    const load = new Promise(resolve => { loaded = resolve; });
    await lead();
    await within(LOADING, `${what} is loaded`, load);
  }
  // until waits for an expression to become true, and says which one did not.
  async function until(expression, milliseconds = 30 * seconds) {
    if (await tab.until(expression, milliseconds)) return;
    throw new Error(`${await evaluate('location.href')}: not within ${milliseconds / seconds} s: ${expression}`);
  }

  return {
    ...tab, complaints, until,
    bytes: () => bytes,
    open: path => loading(path, async () => {
      const { errorText } = await call('Page.navigate', { url: site + path });
      if (errorText) throw new Error(`${site}${path}: ${errorText}`);
    }),
    reload: () => loading('the page again', () => call('Page.reload')),
    // follow clicks a link with the mouse, as soon as it is there.
    follow: async element => {
      await until(`Boolean(${element})`);
      await loading(`where ${element} leads`, () => click(tab, element));
    },
    click: async element => {
      await until(`Boolean(${element})`);
      await click(tab, element);
    },
    scheme: value => call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] }),
    location: () => evaluate('location.pathname + location.search'),
  };
}

// What each event of the protocol complains about, if about anything.
const wrong = {
  'Runtime.exceptionThrown': ({ exceptionDetails: details }) => details.exception?.description ?? details.text,
  'Runtime.consoleAPICalled': ({ type, args }) => ['error', 'assert'].includes(type) && args.map(arg => arg.value ?? arg.description).join(' '),
  'Log.entryAdded': ({ entry }) => entry.level === 'error' && `${entry.source}: ${entry.text} ${entry.url ?? ''}`,
  'Audits.issueAdded': ({ issue }) => issue.code === 'ContentSecurityPolicyIssue' && `Content-Security-Policy: ${JSON.stringify(issue.details)}`,
  'Network.responseReceived': ({ response }) => response.status >= 400 && `${response.url} answers ${response.status}`,
  // A page that is left cancels what it asked for.
  'Network.loadingFailed': ({ canceled, errorText, type }) => !canceled && `a request (${type}) fails: ${errorText}`,
  'Page.javascriptDialogOpening': ({ type, message }) => `a dialog opens: ${type}(${message})`,
};

// click presses the mouse where the element is, and fails if something else is there.
async function click({ call, evaluate }, element) {
  const at = await evaluate(`(() => {
    const element = ${element};
    element.scrollIntoView({ block: 'center', behavior: 'instant' });
    const { x, y, width, height } = element.getClientRects()[0];
    const [left, top] = [x + width / 2, y + height / 2];
    const hit = document.elementFromPoint(left, top);
    return element.contains(hit) ? { left, top } : { hit: hit?.outerHTML.slice(0, 200) ?? 'nothing' };
  })()`);
  if (at.hit) throw new Error(`${element} cannot be clicked, over it is ${at.hit}`);
  for (const type of ['mousePressed', 'mouseReleased']) {
    await call('Input.dispatchMouseEvent', { type, x: at.left, y: at.top, button: 'left', clickCount: 1 });
  }
}
