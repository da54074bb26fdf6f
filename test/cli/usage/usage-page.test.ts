import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { UsageReport } from '@tollgate/core/usage';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { browserBinary, INSTALL_TIMEOUT_MS } from '../../browser/browser-binary.js';
import { RunningServer } from '../../redis-servers/standalone.js';
import { tollgate } from '../tollgate.js';
import { HOSTILE, storeTraffic } from '../usage-traffic.js';

vi.setConfig({ testTimeout: 120_000 });

const HOUR_MS = 3_600_000;
let server: RunningServer;
let browser: Browser;
let folder = '';
/** By account. */
const reports = new Map<string, UsageReport>();
const HOSTILE_ACCOUNT = '"><script>globalThis.isOwned = true</script>';
const CATEGORIES = ['legs', 'calls', 'recordings'];

beforeAll(async () => {
  const executablePath = await browserBinary();
  // Most containers have no sandbox, and root has none.
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  server = await RunningServer.start();
  folder = mkdtempSync(join(tmpdir(), 'tollgate-page-'));
  const lastMinuteAt = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;
  await storeTraffic(server.url, { account: 'ameyo5m', categories: CATEGORIES, minutes: 400, lastMinuteAt });
  await storeTraffic(server.url, { account: HOSTILE_ACCOUNT, categories: HOSTILE, minutes: 40, lastMinuteAt });
  for (const account of ['ameyo5m', HOSTILE_ACCOUNT, 'nobody']) {
    const { stdout } = await tollgate(
      ['usage', account, '--json', '--html', fileOf(account), '--redis', server.url],
      {},
    );
    reports.set(account, JSON.parse(stdout));
  }
}, INSTALL_TIMEOUT_MS);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function fileOf(account: string): string {
  return join(folder, `${['ameyo5m', HOSTILE_ACCOUNT, 'nobody'].indexOf(account)}.html`);
}

interface Look {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly javaScriptEnabled?: boolean;
}

/** Opens the page of an account and runs `look`. Fails when the page requests anything or reports an error. */
async function open(account: string, options: Look, look: (page: Page) => Promise<void>): Promise<void> {
  const { width = 1280, colorScheme = 'light', javaScriptEnabled = true } = options;
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, javaScriptEnabled });
  const page = await context.newPage();
  const seen: string[] = [];
  page.on('request', (request) => seen.push(request.url()));
  page.on('console', (message) => seen.push(message.text()));
  page.on('pageerror', ({ message }) => seen.push(message));
  page.on('dialog', (dialog) => seen.push(dialog.message()));
  const url = pathToFileURL(fileOf(account)).href;
  await page.goto(url);
  await look(page);
  expect(seen).toEqual([url]);
  await context.close();
}

/** The number of colours in a chart. */
async function colorsOf(page: Page, chart: string): Promise<number> {
  return page.evaluate<number>(`(${COUNT_COLORS})(document.querySelector(${JSON.stringify(chart)}))`);
}

/** Runs in the browser. */
const COUNT_COLORS = `(canvas) => {
  const { width, height } = canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const counts = new Map();
  for (let index = 0; index < pixels.length; index += 4) {
    if (pixels[index + 3] !== 255) continue;
    const color = (pixels[index] << 16) | (pixels[index + 1] << 8) | pixels[index + 2];
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  return [...counts.values()].filter((count) => count > 20).length;
}`;
const WIDTH = 'document.documentElement.scrollWidth';
const INK = "getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()";

async function rowsOf(page: Page, table: string): Promise<string[][]> {
  return page
    .locator(`${table} tbody tr`)
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent!.trim())));
}

const count = (value: number) => value.toLocaleString('en');

describe('the page of an account', () => {
  it.each([
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 375, colorScheme: 'light' },
    { width: 375, colorScheme: 'dark' },
  ] as const)('draws its charts, fits, and has the right background at %o', async (look) => {
    await open('ameyo5m', look, async (page) => {
      // A colour for each category, and two for the hatching.
      for (const chart of ['#over-time-chart', '#shares-chart']) {
        expect(await colorsOf(page, chart)).toBeGreaterThanOrEqual(CATEGORIES.length + 2);
      }
      expect(await page.evaluate<number>(WIDTH)).toBe(look.width);
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      const [brightness] = /\d+/.exec(background)!;
      expect(Number(brightness) > 128).toBe(look.colorScheme === 'light');
    });
  });

  it('shows the numbers of the report', async () => {
    const { totals, categories, busiestMinute, p95PerMinute, pattern, series } = reports.get('ameyo5m')!;
    expect(totals.refused).toBeGreaterThan(0);
    await open('ameyo5m', {}, async (page) => {
      const figure = async (id: string) => page.locator(`#${id} strong`).textContent();
      expect(await page.title()).toMatch(/^Usage of ameyo5m, \d+ \w+ \d{4} to \d+ \w+ \d{4}$/);
      expect(await figure('requests')).toBe(count(totals.requests));
      expect(await figure('refused')).toBe(`${(totals.refusedShare * 100).toFixed(1)} %`);
      expect(await page.locator('#refused small').textContent()).toBe(`${count(totals.refused)} requests`);
      const { count: corrections, refundedUnits, debitedUnits } = totals.corrections;
      expect(corrections).toBe(800);
      expect(await figure('corrections')).toBe(count(corrections));
      expect(await page.locator('#corrections small').textContent()).toBe(
        `${count(refundedUnits)} units taken back, ${count(debitedUnits)} added`,
      );
      expect((await rowsOf(page, 'table[aria-labelledby=categories]')).map((row) => row.slice(-3))).toEqual(
        categories.map(({ corrections: { count: some, refundedUnits, debitedUnits } }) =>
          [some, refundedUnits, debitedUnits].map(count),
        ),
      );
      expect(await figure('busiest')).toBe(count(busiestMinute!.requests));
      expect(await figure('p95')).toBe(count(p95PerMinute));
      expect((await rowsOf(page, 'table[aria-labelledby=categories]')).map((row) => [row[0], row[1], row[3]])).toEqual(
        categories.map(({ category, requests, refused }) => [category, count(requests), count(refused)]),
      );
      expect(await rowsOf(page, '.pattern')).toEqual(
        pattern.map((row, day) => [['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][day], ...row.map(count)]),
      );
      const steps = await rowsOf(page, 'table[aria-labelledby=steps]');
      expect(steps.map((row) => row[1])).toEqual(
        series.filter(({ requests }) => requests > 0).map(({ requests }) => count(requests)),
      );
      for (const { suggestion } of categories) {
        expect(await page.locator('.suggested').textContent()).toContain(suggestion!.reason);
      }
    });
  });

  it('shows a tooltip for a bar', async () => {
    await open('ameyo5m', {}, async (page) => {
      const chart = page.locator('#over-time-chart');
      const before = await chart.screenshot();
      const { x, y, width, height } = (await chart.boundingBox())!;
      await page.mouse.move(x + width / 2, y + height / 2);
      await vi.waitFor(async () => expect((await chart.screenshot()).equals(before)).toBe(false));
    });
  });

  it('shows everything except the charts without scripts', async () => {
    await open('ameyo5m', { javaScriptEnabled: false }, async (page) => {
      expect(await page.locator('#requests strong').textContent()).toBe(count(reports.get('ameyo5m')!.totals.requests));
      expect(await page.locator('noscript').first().isVisible()).toBe(true);
    });
  });

  it('is printed light, also when the screen is dark', async () => {
    await open('ameyo5m', { colorScheme: 'dark' }, async (page) => {
      const inks = [await page.evaluate(INK)];
      for (const event of ['beforeprint', 'afterprint']) {
        await page.evaluate(`dispatchEvent(new Event('${event}'))`);
        inks.push(await page.evaluate(INK));
      }
      expect(inks[1]).toBe('#1b2230');
      expect(inks[0]).not.toBe(inks[1]);
      expect(inks[2]).toBe(inks[0]);
    });
  });

  it('without requests has a note, and no scripts', async () => {
    await open('nobody', {}, async (page) => {
      expect(await page.locator('main').textContent()).toContain('No requests are known of this time.');
      expect(await page.locator('script').count()).toBe(0);
    });
  });
});

describe('hostile names', () => {
  it.each([1280, 375])('are shown as text, do not run, and do not widen the page, at %i pixels', async (width) => {
    await open(HOSTILE_ACCOUNT, { width }, async (page) => {
      expect(await page.evaluate("'isOwned' in globalThis")).toBe(false);
      expect(await page.locator('main img, main svg, main script').count()).toBe(0);
      expect(await page.locator('h1').textContent()).toBe(`Usage of ${HOSTILE_ACCOUNT}`);
      const names = (await rowsOf(page, 'table[aria-labelledby=categories]')).map(([name]) => name);
      const shown = HOSTILE.map((name) =>
        name === '' ? '(others)' : name.replace('\u001b', '\\u001b').replace('\u202e', '\\u202e'),
      );
      expect([...names].sort()).toEqual([...shown].sort());
      expect(await page.evaluate<number>(WIDTH)).toBe(width);
    });
  });

  it('could not run even as HTML, because of the content security policy', async () => {
    const foreign = await countingServer();
    const own = '<script>globalThis.isOwned = true</script><img onerror="globalThis.isOwned = 1" src=';
    const html = readFileSync(fileOf('ameyo5m'), 'utf8').replace('</main>', `${own}${foreign.url}></main>`);
    const file = join(folder, 'injected.html');
    writeFileSync(file, html);
    const page = await browser.newPage();
    const refused: string[] = [];
    page.on('console', (message) => refused.push(message.text()));
    await page.goto(pathToFileURL(file).href);
    await vi.waitFor(() => expect(refused.filter((text) => text.includes('Content Security Policy'))).toHaveLength(3));
    expect(await page.evaluate("'isOwned' in globalThis")).toBe(false);
    expect(foreign.stop()).toBe(0);
    expect(await colorsOf(page, '#over-time-chart')).toBeGreaterThan(CATEGORIES.length);
    await page.close();
  });
});

/** A server that counts connections. */
async function countingServer(): Promise<{ readonly url: string; stop(): number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.close();
    return connections;
  };
  return { url: `http://127.0.0.1:${port}/`, stop };
}
