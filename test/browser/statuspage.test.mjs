// Drives the status page at PAGE in CHROMIUM, while a deployment makes payment burn and a service fails whose every
// name is HOSTILE: test/statuspage_test.go starts all that.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startChromium } from '../preview/chromium.mjs';
import { minutes } from '../preview/wait.mjs';
import { newVisitor } from './visitor.mjs';

const { CHROMIUM, PAGE, HOSTILE } = process.env;
const SCREEN = [1280, 800];
const PHONE = [390, 844];

const all = selector => `[...document.querySelectorAll(${JSON.stringify(selector)})]`;
// having is the first element with all the texts.
const having = (selector, ...texts) => `${all(selector)}.find(element => ${JSON.stringify(texts)}.every(text => element.textContent.includes(text)))`;
const within = (element, selector) => `${element}?.querySelector(${JSON.stringify(selector)})`;
const says = (...texts) => `${JSON.stringify(texts)}.every(text => document.getElementById('main').textContent.includes(text))`;

const ofHostile = `/search?id=${encodeURIComponent(HOSTILE)}`;

const payment = having('tbody tr', 'payment', 'availability');
const BURNS = 'ErrorBudgetBurnCritical';

let chromium;
before(async () => { chromium = await startChromium(CHROMIUM); });
after(() => chromium?.close());

// visit is a test in a tab of its own, which has nothing to complain about in the end.
const visit = (name, look) => test(name, async t => {
  const visitor = await newVisitor(chromium, PAGE, SCREEN);
  await look(visitor, t);
  assert.deepEqual(visitor.complaints, []);
  await visitor.close();
});

// It is the first test: nothing is in the cache.
visit('the first page is small', async visitor => {
  await visitor.open('/');
  await visitor.until(says('payment', 'availability'));
  assert.ok(visitor.bytes() > 5_000 && visitor.bytes() < 200_000, `${visitor.bytes()} bytes`);
});

visit('from what burns to the alert, its runbook, the service and the deployment', async visitor => {
  await visitor.open('/');
  await visitor.follow(within(payment, 'a.firing'));
  assert.equal(await visitor.location(), '/alerts');
  await visitor.follow(within(having('tbody tr', BURNS, 'payment', 'availability'), 'a.button'));
  assert.equal(await visitor.location(), '/runbooks/payment/slo-availability');
  assert.ok(await visitor.evaluate(says('Is a version or a feature flag newer than the problem?', 'kubectl rollout undo deployment/payment')));
  await visitor.until(`Boolean(${having('main .now td', 'production')})`, minutes);
  await visitor.follow(having('main a', 'plots'));
  assert.match(await visitor.location(), /^\/services\/payment/);
  await visitor.until(having('tbody tr', '1.1.0', 'completed'), minutes);
  await visitor.until(having('svg.plot .marker title', '1.1.0'), minutes);
  await visitor.follow(having('header a', 'Deployments'));
  assert.equal(await visitor.location(), '/deployments');
  await visitor.until(having('tbody tr', 'payment', 'production', '1.1.0', 'completed'));
});

// The link of an alert leads to the incident, of which a laptop shows everything without scrolling.
visit('from the link of an alert to the incident: what, since when, which change, which request, and the way back', async (visitor, t) => {
  await visitor.open('/incidents');
  // In its first minute, Prometheus does not record alerts yet.
  await visitor.until("fetch('/incidents?service=payment&environment=production').then(({ redirected }) => redirected)", minutes);
  await visitor.open('/incidents?service=payment&environment=production');
  assert.match(await visitor.location(), /^\/incidents\/\d{8}-\d{6}-[0-9a-f]{8}$/);
  const facts = {
    'what burns': having('.incident td', 'payment', 'availability'),
    'that it is open': having('h1', 'Open'), // of payment, or of mailer, which fails all the time
    'the change': having('#change ~ p strong', 'payment 1.1.0'), 'how likely': having('.incident dl div', 'Probability', '%'),
    'the way back': having('.incident code', 'kubectl rollout undo deployment/payment'), 'where to': having('.incident h3', 'The way back to 1.0.0'),
    'a request': having('.incident a[href^="/search?id="] code', ''), 'the owner': having('.incident dl div', 'Owner', 'payments-team'),
    'what depends on it': having('.incident section', 'It is needed by', 'checkout'), 'when it was deployed': having('.timeline li', 'payment 1.1.0 is deployed'),
  };
  for (const [fact, element] of Object.entries(facts)) {
    await t.test(fact, async () => {
      await visitor.until(`Boolean(${element})`, minutes);
      const bottom = await visitor.evaluate(`Math.ceil(${element}.getBoundingClientRect().bottom)`);
      assert.ok(bottom <= SCREEN[1], `it ends at ${bottom} of ${SCREEN[1]}`);
    });
  }
  await visitor.follow(having('.incident a[href^="/search?id="]', ''));
  await visitor.until(says('Timeline', 'payment', 'error'));
});

// Everything that somebody needs who is called at night is on one screen of a laptop, and on a phone nothing is wider than the screen.
visit('an incident on one screen', async (visitor, t) => {
  await visitor.resize(1440, 900);
  await visitor.open('/incidents?service=payment&environment=production');
  assert.match(await visitor.location(), /^\/incidents\/\d/);
  const burns = having('.burns tbody tr', 'payment', 'availability');
  const command = having('.changed .command', 'kubectl rollout undo deployment/payment -n shop');
  const facts = {
    'what burns': burns, 'since when': within(burns, '[data-label="Since"] time'), 'how many failed, and of how many': within(burns, '[data-label="Failed"] small'),
    'how fast it burns': within(burns, '[data-label="Burns now"]'), 'what is left of the budget': within(burns, '[data-label="Budget left"]'),
    'the change': having('.changed strong', 'payment 1.1.0'), 'how likely it is': having('.changed dl div', 'Probability', '%'), 'what it cost': having('.changed dl div', 'It failed', 'events'),
    'the commit': having('.changed a[href="https://git.example.com/shop/payment/commit/02c9b5d4490234a6f3cbf8ac47cbbdb0b4ebcdee"]', '02c9b5d4'),
    'what it changed': having('.changed a[href="https://git.example.com/compare"]', 'compare'), 'who deployed it': having('.changed dl div', 'by ada'),
    'the version to return to': having('.changed h3', 'The way back to 1.0.0'), 'the way back': command, 'its button': within(command, 'button.copy'),
    'a failed request': having('.first a[href^="/search?id="]', ''), 'what depends on it': having('.around li', 'checkout'), 'and its state': within(having('.around li', 'checkout'), '.state'),
    'the owner': having('.owners dl div', 'Owner', 'payments-team'), 'who is on call': having('.owners a[href="https://pager.example.com/payments"]', ''), 'where they talk': having('.owners dl div', 'Chat', '#payments'),
    'the runbook': having(`.owners a[href^="/runbooks/payment/"]`, 'Runbook'), 'what happened': having('.timeline li', 'payment 1.1.0 is deployed'),
  };
  for (const [fact, element] of Object.entries(facts)) {
    await t.test(fact, async () => {
      await visitor.until(`${element}?.checkVisibility()`, minutes);
      const { bottom, right } = await visitor.evaluate(`${element}.getBoundingClientRect().toJSON()`);
      assert.ok(bottom <= 900 && right <= 1440, `it ends at ${right}, ${bottom}`);
    });
  }
  for (const [width, height] of [PHONE, [1024, 768], SCREEN, [2560, 1440]]) {
    for (const scheme of ['light', 'dark']) {
      await visitor.scheme(scheme);
      await visitor.resize(width, height);
      await t.test(`${width} pixels, ${scheme}`, async () => {
        for (const [fact, element] of Object.entries(facts)) {
          assert.ok(await visitor.evaluate(`(({ left, right, width, height }) => width > 0 && height > 0 && left >= 0 && right <= innerWidth)(${element}.getBoundingClientRect())`), fact);
        }
        assert.deepEqual(await visitor.evaluate(WIDE), []);
      });
    }
  }

  await visitor.resize(1440, 900);
  await visitor.evaluate('navigator.clipboard.writeText = async text => { window.copied = text; }'); // a test has no clipboard
  await visitor.click(within(command, 'button.copy'));
  await visitor.until('window.copied === "kubectl rollout undo deployment/payment -n shop"');
  await visitor.until(`${within(command, 'button.copy')}.textContent === 'Copied'`);

  await visitor.click(`document.querySelector('.notes input')`);
  await visitor.call('Input.insertText', { text: HOSTILE });
  await visitor.click(`document.querySelector('.notes textarea')`);
  await visitor.call('Input.insertText', { text: `${HOSTILE} rolled back` });
  await visitor.follow(having('.notes button', 'Add'));
  assert.match(await visitor.location(), /^\/incidents\/\d/);
  await visitor.until(`Boolean(${having('.timeline .on-note', `${HOSTILE}: ${HOSTILE} rolled back`)})`);
  assert.deepEqual(await visitor.evaluate(FOREIGN), []);
});

// failedPayment is a span of payment that failed, of which all of the request has arrived.
async function failedPayment(visitor) {
  await visitor.open('/search');
  await visitor.evaluate(`window.items = async id => {
    const answer = await fetch('/search?id=' + id, { headers: { Accept: 'application/json' } });
    return (await answer.json()).data.items;
  }`);
  await visitor.until(`items('payment').then(all => {
    window.failed = all.find(({ signal, service, failed, correlation_id: id }) => signal === 'span' && service === 'payment' && failed && id);
    return Boolean(failed);
  })`);
  await visitor.until(`items(failed.correlation_id).then(all => [['frontend', 'server'], ['checkout', 'server'], ['payment', 'server'], ['payment', '']].every(
    ([name, sort]) => all.some(({ service, kind, signal }) => service === name && kind === sort && signal !== 'event')))`);
  return visitor.evaluate('failed');
}

const finds = having('header button', 'Find');

visit('from an ID to the request, its trace and the service', async visitor => {
  const { correlation_id: correlation, trace_id: trace } = await failedPayment(visitor);
  await visitor.click(`document.getElementById('find')`);
  await visitor.call('Input.insertText', { text: correlation });
  await visitor.follow(finds);
  assert.equal(await visitor.location(), `/search?id=${correlation}`);
  const whole = ['frontend', 'checkout', 'POST /orders', 'payment', 'POST /charges', 'injected fault', 'request failed', 'error', correlation, trace, '1.1.0, production'];
  await visitor.until(says(...whole));
  const order = '.waterfall tbody tr';
  assert.equal(await visitor.evaluate(`${all(order)}.length`), await visitor.evaluate(`${all(`${order} svg.water rect`)}.length`), 'everything has its place in time');
  assert.ok(await visitor.evaluate(`${all(order)}.indexOf(${having(order, 'checkout', 'POST /orders')}) < ${all(order)}.indexOf(${having(order, 'payment', 'POST /charges')})`), 'the cause comes first');
  const charge = having(order, 'payment', 'POST /charges');
  await visitor.click(within(charge, 'summary'));
  await visitor.until(`${within(charge, 'dl')}.checkVisibility() && ${charge}.textContent.includes('http.response.status_code')`);
  await visitor.follow(having('dl.facts a', trace));
  assert.equal(await visitor.location(), `/search?id=${trace}`);
  await visitor.until(says(...whole));
  await visitor.follow(having('.through a', 'payment'));
  assert.equal(await visitor.location(), '/services/payment?environment=production');
  await visitor.follow('document.querySelector(\'[aria-labelledby="failed"] a\')');
  await visitor.until(says('Timeline', 'payment', 'error'));
});

visit('an ID that nothing has', async visitor => {
  await visitor.open('/search?id=A-0');
  await visitor.until(says('Nothing has', 'A-0', 'srectl find', 'spans'));
});

// paths are those of every page, with those that have hostile names in them.
async function paths(visitor) {
  const href = async (path, element) => {
    await visitor.open(path);
    await visitor.until(`Boolean(${element})`);
    return visitor.evaluate(`new URL(${element}.href).pathname`);
  };
  return [
    '/', '/services/payment', await href('/', having('tbody td.name a', HOSTILE)),
    '/alerts', '/incidents', '/incidents?service=payment', `/incidents?service=${encodeURIComponent(HOSTILE)}`, '/deployments', '/catalog', '/collector', '/runbooks/', '/runbooks/payment/', `/runbooks/payment/${BURNS}`, '/runbooks/payment/slo-availability', '/runbooks/payment/rollback', '/ledger?service=payment',
    await href('/alerts', within(having('tbody tr', HOSTILE, BURNS), 'a.button')),
    '/requests', '/requests?service=payment&status=failed&min=1us', comparison, '/map', '/map?service=payment&depth=2', `/map?service=${encodeURIComponent(HOSTILE)}`,
    '/search', '/search?id=A-0', async visitor => `/search?id=${(await failedPayment(visitor)).correlation_id}`,
    `/search?id=${'1'.padStart(32, '0')}`, `${ofHostile}x`, // a trace of the service, and an ID that nothing has
  ];
}

// comparison is the path of two requests beside each other: a failed one of payment and another one.
async function comparison(visitor) {
  await visitor.open('/requests');
  await visitor.evaluate(`window.traces = async query => {
    const answer = await fetch('/requests?service=payment&' + query, { headers: { Accept: 'application/json' } });
    return (await answer.json()).data.requests.map(({ trace_id }) => trace_id);
  }`);
  await visitor.until(`Promise.all([traces('status=failed'), traces('status=ok')]).then(([[failed], [ok]]) => Boolean(window.pair = failed && ok && [failed, ok]))`, minutes);
  const [failed, ok] = await visitor.evaluate('pair');
  return `/requests/compare?id=${failed}&id=${ok}`;
}

// Elements and attributes that no page has.
const FOREIGN = `[...document.querySelectorAll('*')].filter(element => element.matches('main img, img:not([src="/assets/icon.svg"]), iframe, object, script:not([src="/assets/live.js"], [src="/assets/plots.js"], [src="/assets/uplot.js"]), style')
  || [...element.attributes].some(({ name, value }) => name.startsWith('on') || name === 'style' && !element.closest('.drawn') || /^\\s*javascript:/i.test(value))).map(element => element.outerHTML.slice(0, 200))`;

const axe = readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

// What axe-core finds, be it serious or minor: which rule, which elements.
const BARRIERS = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
  .map(({ id, help, nodes }) => id + ' (' + help + '): ' + nodes.slice(0, 3).map(node => node.html.slice(0, 200) + ' ' + node.failureSummary).join('; ')))`;

// What does not fit into the window, if the page scrolls sideways.
const WIDE = `document.documentElement.scrollWidth <= innerWidth ? [] : ${all('main, main *')}
  .filter(element => element.checkVisibility() && element.getBoundingClientRect().left + element.scrollWidth > innerWidth).map(element => element.outerHTML.slice(0, 200))`;

visit('every page is for everybody', async (visitor, t) => {
  for (const place of await paths(visitor)) {
    // A request is looked for when its page is due: one of the beginning would be gone by now on a slow machine.
    const path = typeof place === 'function' ? await place(visitor) : place;
    await t.test(decodeURIComponent(path), async () => {
      await visitor.open(path);
      assert.deepEqual(await visitor.evaluate(FOREIGN), [], 'hostile names are text');
      await visitor.evaluate(await axe);
      for (const scheme of ['light', 'dark']) {
        await visitor.scheme(scheme);
        for (const [width, height] of [SCREEN, PHONE]) {
          await visitor.resize(width, height);
          assert.deepEqual(await visitor.evaluate(BARRIERS), [], `${scheme}, ${width} pixels wide`);
          assert.deepEqual(await visitor.evaluate(WIDE), [], `${scheme}, ${width} pixels wide: it scrolls sideways`);
        }
      }
      assert.deepEqual(visitor.complaints, []);
    });
  }
});

visit('from the list of requests to two of them, and to one', async visitor => {
  await visitor.open('/requests?service=payment&status=failed');
  const rows = all('.requests tbody tr');
  await visitor.until(`${rows}.length > 1`, minutes);
  assert.ok(await visitor.evaluate(`${rows}.every(row => row.textContent.includes('payment') && row.textContent.includes('failed'))`));
  await visitor.click(`${rows}[0].querySelector('input')`);
  await visitor.click(`${rows}[1].querySelector('input')`);
  await visitor.follow(having('.compare button', 'Compare'));
  assert.match(await visitor.location(), /^\/requests\/compare\?id=[0-9a-f]{32}&id=[0-9a-f]{32}$/);
  assert.ok(await visitor.evaluate(says('Two requests', 'Where the time went', 'payment', 'Timeline of the second')));
  await visitor.open('/requests');
  await visitor.click(`document.querySelector('.ask input[name="text"]')`);
  await visitor.call('Input.insertText', { text: 'injected fault' });
  await visitor.follow(having('.ask button', 'Filter'));
  assert.equal(new URLSearchParams((await visitor.location()).split('?')[1]).get('text'), 'injected fault');
  await visitor.follow(having('.requests tbody a', 'frontend'));
  await visitor.until(says('Timeline', 'injected fault', 'payment'));
});

// What is chosen stays while values are kept fresh.
visit('the list of requests waits while one is chosen', async visitor => {
  await visitor.open('/requests');
  await visitor.until(`Boolean(${having('.requests tbody tr', '')})`);
  await visitor.click(`document.querySelector('.requests input')`);
  await visitor.evaluate(`window.before = document.querySelector('.as-of time').dateTime; window.chosen = document.querySelector('.requests tr:has(input:checked)').id`);
  await visitor.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
  await visitor.evaluate(`fetch(location.href).then(answer => answer.text())`);
  assert.ok(await visitor.evaluate(`document.querySelector('.requests tr:has(input:checked)').id === chosen && document.querySelector('.as-of time').dateTime === before`));
  await visitor.click(`document.querySelector('.requests input:checked')`);
  await visitor.until(`document.querySelector('.as-of time').dateTime !== before`, minutes);
});

visit('from the map to a service, what is around it, and its page', async visitor => {
  await visitor.open('/services');
  await visitor.follow(having('main a', 'Map of calls'));
  await visitor.follow(having('svg.map a.node', 'payment', 'Burning fast', '1.1.0'));
  assert.equal(await visitor.location(), '/map?service=shop%2Fpayment');
  assert.ok(await visitor.evaluate(`${all('svg.map a.node')}.some(node => node.textContent.includes('checkout')) && !${all('svg.map a.node')}.some(node => node.textContent.includes('frontend'))`));
  assert.ok(await visitor.evaluate(`Boolean(${having('main tbody tr', 'shop/checkout', 'shop/payment', '/s', '%')})`));
  await visitor.follow(having('svg.map a.node', 'payment', 'Burning fast'));
  assert.match(await visitor.location(), /^\/services\/payment/);
});

visit('requests and the map at every size', async (visitor, t) => {
  for (const path of ['/requests', await comparison(visitor), '/map', '/services']) {
    await visitor.open(path);
    for (const scheme of ['light', 'dark']) {
      await visitor.scheme(scheme);
      for (const [width, height] of [PHONE, [1024, 768], SCREEN, [1440, 900], [2560, 1440]]) {
        await visitor.resize(width, height);
        await t.test(`${path}: ${width} pixels, ${scheme}`, async () => {
          assert.deepEqual(await visitor.evaluate(WIDE), []);
          assert.deepEqual(await visitor.evaluate(`${all('main .scroll')}.filter(frame => frame.scrollWidth > frame.clientWidth && !(frame.tabIndex === 0 && frame.getAttribute('role') === 'region' && (frame.ariaLabel || frame.getAttribute('aria-labelledby'))))
            .map(frame => frame.outerHTML.slice(0, 200))`), [], 'what scrolls says so');
          const header = await visitor.evaluate(`document.querySelector('header').getBoundingClientRect().height`);
          assert.ok(header <= (width < 600 ? 220 : width < 1200 ? 100 : 60), `the header is ${header} pixels high`);
        });
      }
    }
  }
});

// What is planted is found: the tests above would fail.
test('what is wrong is noticed', async () => {
  const visitor = await newVisitor(chromium, PAGE, PHONE);
  await visitor.open('/');
  await visitor.evaluate(`(async () => {
    const main = document.getElementById('main');
    main.insertAdjacentHTML('beforeend', '<img src="/image" onerror="alert(1)"><p class="pale">pale</p><pre>' + 'wide '.repeat(200) + '</pre>');
    main.querySelector('.pale').style.color = 'silver';
    await new Promise(done => { main.querySelector('img').addEventListener('error', done); });
    console.error('planted');
    await fetch('/nowhere');
    alert('planted');
    setTimeout(() => { throw new Error('planted'); });
    await new Promise(resolve => setTimeout(resolve));
  })()`);
  await visitor.evaluate(await axe);
  const noticed = [...visitor.complaints, ...await visitor.evaluate(FOREIGN), ...await visitor.evaluate(WIDE), ...await visitor.evaluate(BARRIERS)].join('\n');
  for (const defect of [
    /^Content-Security-Policy: .*script-src-attr/m, /^security: .*inline event handler/m, /^\S+\/image answers 404/m, /^\S+\/nowhere answers 404/m,
    /^planted/m, /^Error: planted/m, /^a dialog opens: alert\(planted\)/m, /^<img src="\/image" onerror/m, /^<p class="pale" style/m, /^<pre>wide/m,
    /^color-contrast .*class="pale"/m, /^image-alt /m,
  ]) assert.match(noticed, defect);
  await visitor.close();
});

visit('hostile names can be read', async visitor => {
  for (const path of ['/', '/alerts', '/deployments', '/catalog', '/runbooks/', ofHostile]) {
    await visitor.open(path);
    await visitor.until(says(HOSTILE));
    assert.deepEqual(await visitor.evaluate(FOREIGN), []);
  }
});

visit('everything can be read without JavaScript', async visitor => {
  await visitor.call('Emulation.setScriptExecutionDisabled', { value: true });
  for (const [path, ...texts] of [
    ['/', 'payment', 'availability', 'Burning fast'], ['/services/payment', 'availability', '1.1.0'], ['/alerts', BURNS, 'payment'],
    ['/deployments', 'payment', '1.1.0'], ['/catalog', 'payments-team'], ['/collector', 'Memory'], ['/runbooks/', 'payment'],
    [`/runbooks/payment/${BURNS}`, 'Meaning', 'Mitigation'], ['/runbooks/payment/slo-availability', 'Go back first', 'kubectl rollout undo'],
    ['/requests?service=payment', 'payment', 'Looked at'], ['/map', 'payment', 'checkout'],
  ]) {
    await visitor.open(path);
    assert.ok(await visitor.evaluate(says(...texts)), `${path} does not say ${texts}: ${await visitor.evaluate('document.body.innerText')}`);
  }
  await visitor.open('/');
  await visitor.follow(within(payment, 'a'));
  await visitor.click(`document.getElementById('find')`);
  await visitor.call('Input.insertText', { text: 'payment' });
  await visitor.follow(finds);
  assert.ok(await visitor.evaluate(says('requests with payment', 'Requests')), await visitor.evaluate('document.body.innerText'));
});

visit('plots say what is under the pointer, and show another time', async visitor => {
  const figure = title => having('figure.live', title);
  const mouse = (type, x, y, buttons = 0) => visitor.call('Input.dispatchMouseEvent', { type, x, y, buttons, button: buttons || type === 'mouseReleased' ? 'left' : 'none', clickCount: 1 });
  await visitor.open('/services/payment?range=15m');
  await visitor.until(`Boolean(${within(figure('Burn rate'), '.u-over')})`);
  const { left, right, y } = await visitor.evaluate(`(() => {
    const over = ${within(figure('Burn rate'), '.u-over')};
    over.scrollIntoView({ block: 'center', behavior: 'instant' });
    const { left, right, top, height } = over.getBoundingClientRect();
    return { left, right, y: top + height / 2 };
  })()`);
  assert.ok(right - left > 200, `${right - left} pixels wide`);
  const valueOf = title => visitor.evaluate(`${within(figure(title), '.legend b.at')}.textContent`);
  assert.equal(await valueOf('Burn rate'), '', 'no value without a pointer');
  await mouse('mouseMoved', right - 3, y);
  await visitor.until(`/×$/.test(${within(figure('Burn rate'), '.legend b.at')}.textContent)`);
  for (const [title, text] of [['Error budget left', /^−?[0-9.]+ %$/], ['Good events', /^[0-9.]+ %$/], ['Events per second', /^[0-9.]+$/], ['Requests per second', /^[0-9.]+$/]]) {
    assert.match(await valueOf(title), text, `${title}: the pointer is shared`);
  }
  assert.match(await visitor.evaluate(`${within(figure('Burn rate'), 'figcaption .at')}.textContent`), /\d:\d\d/, 'the time is named');

  // The deployment is found by its marker.
  const at = await visitor.evaluate(`(() => {
    const { start, end, markers } = JSON.parse(${figure('Burn rate')}.dataset.plot);
    return (markers.find(({ text }) => text === '1.1.0').at - start) / (end - start);
  })()`);
  await mouse('mouseMoved', left + at * (right - left), y);
  await visitor.until(`${within(figure('Burn rate'), 'figcaption .at')}.textContent.includes('1.1.0')`);

  await visitor.evaluate(`window.stays = true`);
  await visitor.until(`document.querySelector('.as-of').textContent && !document.hidden`);
  await mouse('mousePressed', left + 0.3 * (right - left), y, 1);
  await mouse('mouseMoved', left + 0.6 * (right - left), y, 1);
  await mouse('mouseMoved', right - 3, y, 1);
  await mouse('mouseReleased', right - 3, y);
  await visitor.until(`window.stays !== true && document.readyState === 'complete' && Boolean(${within(figure('Burn rate'), '.u-over')})`);
  const shown = await visitor.evaluate(`(() => {
    const { start, end } = JSON.parse(${figure('Burn rate')}.dataset.plot);
    const query = new URLSearchParams(location.search);
    return { start, end, from: Date.parse(query.get('from')) / 1000, to: Date.parse(query.get('to')) / 1000, live: document.getElementById('main').hasAttribute('data-live') };
  })()`);
  assert.deepEqual([shown.start, shown.end, shown.live], [shown.from, shown.to, false], 'the page shows the time that was dragged over');
  assert.ok(shown.end - shown.start > 300 && shown.end - shown.start < 700, `${shown.end - shown.start} s of 15 minutes`);
  await visitor.follow(having('.filters a', 'wider'));
  assert.ok(await visitor.evaluate(`Boolean(${having('figure table', 'From')})`), 'each plot is a table, too');
});

visit('plots follow the values and the colors', async visitor => {
  await visitor.open('/services/payment?range=15m');
  const burn = having('figure.live', 'Burn rate');
  await visitor.until(`Boolean(${within(burn, 'canvas')})`);
  await visitor.evaluate(`window.before = { plot: ${burn}.dataset.plot, canvas: ${within(burn, 'canvas')}.toDataURL() }`);
  await visitor.until(`${burn}.dataset.plot !== before.plot && ${within(burn, 'canvas')}.toDataURL() !== before.canvas`, minutes);
  assert.equal(await visitor.evaluate(`${all('figure.live')}.every(figure => figure.querySelectorAll('canvas').length === 1)`), true, 'one canvas in each');
  await visitor.evaluate(`before.canvas = ${within(burn, 'canvas')}.toDataURL()`);
  await visitor.scheme('dark');
  await visitor.until(`${within(burn, 'canvas')}.toDataURL() !== before.canvas`);
});

const services = `${all('tbody td.name:nth-child(2) a')}.map(a => a.textContent)`;

visit('the URL keeps what is filtered and sorted', async visitor => {
  await visitor.open('/');
  await visitor.follow(having('nav.states a', 'Burning fast'));
  assert.equal(await visitor.location(), '/?state=burning_fast');
  await visitor.follow(having('thead a', 'Service'));
  assert.equal(await visitor.location(), '/?sort=service&state=burning_fast');
  await visitor.click(`document.getElementById('search')`);
  await visitor.call('Input.insertText', { text: 'mailer' });
  await visitor.until(`new URLSearchParams(location.search).get('q') === 'mailer'`);
  const chosen = `new Set(${services}).size === 1 && ${services}[0] === 'mailer'`;
  await visitor.until(chosen);
  await visitor.reload();
  assert.ok(await visitor.evaluate(chosen));
  assert.deepEqual(await visitor.evaluate('Object.fromEntries(new URLSearchParams(location.search))'), { sort: 'service', state: 'burning_fast', q: 'mailer' });
});

visit('values stay fresh without another load', async visitor => {
  await visitor.open('/');
  await visitor.until(`Boolean(${payment})`);
  await visitor.evaluate(`window.before = { time: document.querySelector('.as-of time').dateTime, burn: ${payment}.textContent }`);
  await visitor.until(`document.querySelector('.as-of time').dateTime !== before.time && ${payment}.textContent !== before.burn`, minutes);
});
