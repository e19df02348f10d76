// The HTML report in a real browser. Run by tests/browser.rs, which makes the pages:
// PAGES=folder of pages, PICTURES=folder for pictures, CHROMIUM=program node --test check.test.mjs

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const { PAGES, PICTURES, CHROMIUM } = process.env;
const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

const urlOf = (name) => pathToFileURL(join(PAGES, `${name}.html`)).href;

let browser;
before(async () => { browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }); });
after(() => browser.close());

// Opens a page and hands it over; whatever the page says, asks for or stumbles over is an error.
async function visit(name, options, use) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  const [noise, requests] = [[], []];
  page.on('console', (message) => noise.push(message.text()));
  page.on('pageerror', (error) => noise.push(String(error)));
  page.on('dialog', (dialog) => { noise.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => requests.push(request.url()));
  try {
    await page.goto(urlOf(name));
    await use(page, context);
    assert.deepEqual(noise, [], 'the console is silent');
    const others = requests.filter((url) => url !== urlOf(name) && !url.startsWith('data:'));
    assert.deepEqual(others, [], 'nothing but the page is asked for');
  } finally {
    await context.close();
  }
}

async function picture(page, name, options = {}) {
  const path = join(PICTURES, `${name}.png`);
  await page.screenshot({ path, ...options });
  assert.ok(statSync(path).size > 20_000, `${name} shows something`);
}

const backgroundOf = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const focused = (page) => page.evaluate(() => document.activeElement.getAttribute('aria-label'));

describe('treemap', () => {
  const map = (page) => page.locator('.treemap.final .map');
  const crumbs = async (page) => (await page.locator('.treemap.final .crumbs > *').allTextContents()).join(' ');

  it('opens and goes back by mouse', () => visit('folders', {}, async (page) => {
    const tile = map(page).locator('.tile').first();
    assert.match(await tile.getAttribute('aria-label'), /^usr .*B, .* %, 7 files, opens$/);
    await tile.click();
    assert.equal(await crumbs(page), '/ usr');
    assert.equal(await map(page).locator('.tile').count(), 2);
    await page.locator('.treemap.final .crumbs button').click();
    assert.equal(await crumbs(page), '/');
  }));

  it('opens, moves and goes back by keyboard', () => visit('folders', {}, async (page) => {
    await map(page).locator('.tile').first().focus();
    await page.keyboard.press('Enter');
    assert.equal(await crumbs(page), '/ usr');
    assert.match(await focused(page), /^lib /, 'the largest one is in front');
    assert.match(await page.locator('.treemap.final .status').textContent(), /^\/usr\/lib: /);
    await page.keyboard.press('ArrowRight');
    const right = await focused(page);
    if (right.startsWith('lib')) await page.keyboard.press('ArrowDown');
    assert.match(await focused(page), /^share /, 'an arrow leads to the other one');
    await page.keyboard.press('Backspace');
    assert.equal(await crumbs(page), '/');
    assert.match(await focused(page), /^usr /, 'the folder that was left has the focus');
  }));

  it('fills its box with tiles whose areas are their shares', () => visit('folders', {}, async (page) => {
    const areas = await map(page).evaluate((box) => {
      const whole = box.clientWidth * box.clientHeight;
      return [...box.querySelectorAll('.tile')].map((tile) => (tile.offsetWidth * tile.offsetHeight) / whole);
    });
    const shares = (await map(page).locator('.tile').evaluateAll((tiles) => tiles.map((tile) => tile.ariaLabel)))
      .map((label) => Number(label.match(/([\d.]+) %/)[1]) / 100);
    assert.ok(Math.abs(areas.reduce((a, b) => a + b) - 1) < 0.02, `${areas}`);
    areas.forEach((area, at) => assert.ok(Math.abs(area - shares[at]) < 0.02, `${area} for ${shares[at]}`));
  }));

  it('is drawn anew for another width', () => visit('folders', {}, async (page) => {
    await page.setViewportSize(PHONE);
    await page.waitForTimeout(200);
    const edges = await map(page).locator('.tile').evaluateAll((tiles) => tiles.map((tile) => tile.offsetLeft + tile.offsetWidth));
    const right = Math.max(...edges);
    assert.ok(right <= PHONE.width, `${right}`);
  }));
});

describe('tables', () => {
  const column = (page, cell) => page.locator(`#layers tbody td:nth-child(${cell})`).allTextContents();

  it('sort by size, then the other way, then by step', () => visit('seed', {}, async (page) => {
    assert.deepEqual(await column(page, 1), ['1', '2', '3', '4', '5', '6', '7']);
    const size = page.locator('#layers th', { hasText: 'Size' });
    await size.locator('button').click();
    assert.equal(await size.getAttribute('aria-sort'), 'descending');
    // 2.1 MB, 1.98 MB, three of 1 MB, two of nothing: equal ones keep their order.
    assert.deepEqual(await column(page, 1), ['6', '1', '3', '4', '5', '2', '7']);
    await size.locator('button').click();
    assert.equal(await size.getAttribute('aria-sort'), 'ascending');
    assert.deepEqual((await column(page, 1)).slice(-2), ['1', '6']);
    assert.equal(await page.locator('#layers th[aria-sort]').count(), 1);
    await page.locator('#layers th button', { hasText: 'Step' }).click();
    assert.match((await column(page, 5))[0], /busybox/);
  }));

  it('keep what is summed up at the end', () => visit('large', {}, async (page) => {
    const path = page.locator('#waste th button', { hasText: 'Path' });
    await path.click();
    await path.click();
    assert.match(await page.locator('#waste tr').last().textContent(), /other copies/);
  }));

  it('tell exact bytes to a pointer', () => visit('seed', {}, async (page) => {
    const size = page.locator('#layers td data').first();
    await size.hover();
    assert.equal(await size.getAttribute('title'), '1\u202f982\u202f360 bytes');
  }));
});

it('copies the lines of a fix', () => visit('seed', { permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
  const lines = await page.locator('.fix pre.copy').first().textContent();
  assert.match(lines, /^RUN .*\n.*&& /);
  const button = page.locator('.fix .lines button').first();
  await button.click();
  await page.waitForFunction((element) => element.textContent === 'Copied', await button.elementHandle());
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), lines);
}));

describe('colours', () => {
  for (const colorScheme of ['light', 'dark']) {
    it(`follow a system that is ${colorScheme}, and the toggle`, () => visit('seed', { colorScheme }, async (page) => {
      const brightness = async () => Math.max(...(await backgroundOf(page)).match(/\d+/g).slice(0, 3).map(Number));
      const [first, second] = colorScheme === 'light' ? [200, 60] : [60, 200];
      const isLight = colorScheme === 'light';
      assert.ok(isLight ? await brightness() > first : await brightness() < first);
      await page.setViewportSize({ width: 1280, height: 1860 });
      await picture(page, `report-${colorScheme}`);
      await picture(page, `seed-${colorScheme}-whole`, { fullPage: true });
      await page.locator('#theme').click();
      assert.ok(isLight ? await brightness() < second : await brightness() > second);
      await page.reload();
      assert.ok(isLight ? await brightness() < second : await brightness() > second, 'the choice is remembered');
    }));
  }
});

it('fits a phone', async () => {
  for (const name of ['seed', 'hostile', 'large']) {
    await visit(name, { viewport: PHONE, isMobile: true, hasTouch: true }, async (page) => {
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= PHONE.width, name);
      await picture(page, `${name}-phone`, { fullPage: name !== 'large' });
    });
  }
});

it('prints', () => visit('seed', { colorScheme: 'dark' }, async (page) => {
  const pdf = await page.pdf({ format: 'A4', margin: { top: '12mm', bottom: '12mm', left: '12mm', right: '12mm' } });
  writeFileSync(join(PICTURES, 'seed.pdf'), pdf);
  assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
  await page.emulateMedia({ media: 'print' });
  assert.equal(await backgroundOf(page), 'rgb(255, 255, 255)', 'paper is light');
  assert.equal(await page.locator('nav').isVisible(), false);
  await picture(page, 'seed-print', { fullPage: true });
}));

describe('axe-core finds nothing', () => {
  const cases = [
    ['seed', {}], ['seed', { colorScheme: 'dark' }], ['seed', { viewport: PHONE }], ['hostile', {}], ['clean', {}],
    ['folders', { colorScheme: 'dark' }],
  ];
  for (const [name, options] of cases) {
    it(`on ${name} ${JSON.stringify(options)}`, () => visit(name, { ...options, bypassCSP: true }, async (page) => {
      await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      const where = ({ html, failureSummary }) => `${html} ${failureSummary}`;
      const found = violations.map(({ help, nodes }) => `${help}: ${nodes.slice(0, 3).map(where).join('\n')}`);
      assert.deepEqual(found, []);
    }));
  }
});

it('lets no name of an image run', () => visit('hostile', {}, async (page) => {
  await page.locator('.treemap.final .tile').first().click();
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
  await page.mouse.move(300, 500);
  assert.equal(await page.evaluate(() => typeof globalThis.pwned), 'undefined');
  assert.equal(await page.evaluate(() => document.scripts.length), 2);
  const others = 'img, iframe, object, embed, form, base, [style]:not(.tile, .box)';
  assert.equal(await page.locator(others).count(), 0);
  assert.ok((await page.locator('#waste').textContent()).includes('<img src=x onerror=pwned=1>'), 'it can be read');
  await picture(page, 'hostile', { fullPage: true });
}));

it('is blocked by its own policy from running what is put into it', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(urlOf('seed'));
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.pwned = 1';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="globalThis.pwned = 1">');
  });
  await page.waitForTimeout(200);
  assert.equal(await page.evaluate(() => typeof globalThis.pwned), 'undefined');
  await context.close();
});

it('is complete without scripts', () => visit('seed', { javaScriptEnabled: false }, async (page) => {
  const text = await page.locator('body').innerText();
  for (const part of ['4.2 MB', '58.1 %', '/data/one', 'RUN chmod -R 0777 /data', 'metadata']) {
    assert.ok(text.includes(part), part);
  }
  assert.equal(await page.locator('#final-list').isVisible(), true, 'the list stands for the treemap');
  assert.equal(await page.locator('#theme').isVisible(), false, 'no button that does nothing');
  assert.equal(await page.locator('th button, pre + button').count(), 0);
  assert.equal(await page.locator('#layers .bar rect.waste').count(), 4);
}));

it('opens a large image without a long task', async () => {
  const context = await browser.newContext({ viewport: WIDE });
  await context.addInitScript(() => {
    globalThis.longest = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, entry.duration);
    }).observe({ type: 'longtask', buffered: true });
  });
  const page = await context.newPage();
  await page.goto(urlOf('large'));
  await page.waitForTimeout(500);
  await page.locator('.treemap.final .tile:not([aria-disabled])').first().click();
  const longest = await page.evaluate(() => globalThis.longest);
  assert.ok(longest < 1000, `${longest} ms`);
  await context.close();
});
