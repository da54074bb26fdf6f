import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';
import { type Ended, tollgate } from '../tollgate.js';
import { CORRECTIONS, HOSTILE, type Sent, storeTraffic } from '../usage-traffic.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

const HOUR_MS = 3_600_000;
const LAST_MINUTE_AT = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;
const HOSTILE_ACCOUNT = '=cmd|"/c calc"\u001b[2J';
let server: RunningServer;
let folder = '';
let sent: Map<string, Sent>;

beforeAll(async () => {
  server = await RunningServer.start();
  folder = mkdtempSync(join(tmpdir(), 'tollgate-usage-'));
  const traffic = { minutes: 200, lastMinuteAt: LAST_MINUTE_AT };
  sent = await storeTraffic(server.url, { account: 'ameyo5m', categories: ['legs', 'calls'], ...traffic });
  await storeTraffic(server.url, { account: HOSTILE_ACCOUNT, categories: HOSTILE, ...traffic });
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function usage(...args: readonly string[]): Promise<Ended> {
  return tollgate(['usage', ...args, '--redis', server.url]);
}

/** The rows of a CSV (RFC 4180) as their unquoted fields. */
function fieldsOf(csv: string): string[][] {
  expect(csv.endsWith('\r\n')).toBe(true);
  return csv
    .slice(0, -2)
    .split('\r\n')
    .map((row) => [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(fieldOf));
}

function fieldOf([, quoted, bare]: RegExpMatchArray): string {
  return quoted === undefined ? bare! : quoted.replaceAll('""', '"');
}

it('--limiter chooses what a limiter with a name has counted', async () => {
  const store = new RedisStore({ url: server.url, timeoutMs: 5000 });
  const limiter = new RateLimiter({ name: 'login', policy: { quotas: [perMinute(100)] }, store, usage: true });
  for (let time = 0; time < 3; time++) await limiter.consume({ account: 'named', category: 'legs' });
  await limiter.close();
  await store.close();
  const requests = async (...args: readonly string[]) => {
    const { code, stdout } = await usage('named', '--json', ...args);
    return [code, JSON.parse(stdout).totals.requests];
  };
  expect([await requests(), await requests('--limiter', 'login')]).toEqual([
    [1, 0],
    [0, 3],
  ]);
  const top = await tollgate(['top', '--once', '--redis', server.url]);
  expect(top.stdout).toContain('named (limiter login)');
});

describe('tollgate usage', () => {
  it('shows exactly the requests that the services counted', async () => {
    const store = new RedisStore({ url: server.url, timeoutMs: 5000 });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(20)] }, store, usage: true });
    for (let request = 0; request < 30; request++) await limiter.consume({ account: 'served', category: 'legs' });
    for (let request = 0; request < 7; request++) await limiter.consume({ address: '203.0.113.7', category: 'legs' });
    await limiter.close();
    await store.close();
    const { code, stdout } = await usage('served', '--last', '1h', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).totals).toMatchObject({ requests: 30, admitted: 20, refused: 10 });
    const address = await usage('--address', '203.0.113.7', '--last', '1h');
    expect(address.stdout).toMatch(/^203\.0\.113\.7, .*\n\nrequests +7\n/);
  });

  it('shows an account that has corrections alone', async () => {
    const store = new RedisStore({ url: server.url, timeoutMs: 5000 });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(20)] }, store, usage: true });
    for (let sent = 0; sent < 2; sent++) await limiter.debit({ account: 'debited', category: 'minutes', cost: 700 });
    await limiter.close();
    await store.close();
    const { code, stdout, stderr } = await usage('debited');
    expect(stdout).toMatch(
      /^debited, .* UTC: no requests are known\n\ncorrections +2 +0 units taken back, 1,400 added\n$/,
    );
    expect([code, stderr]).toEqual([1, '']);
    const json = JSON.parse((await usage('debited', '--json')).stdout);
    expect(json.totals.corrections).toEqual({ count: 2, refundedUnits: 0, debitedUnits: 1400 });
    const csv = fieldsOf((await usage('debited', '--csv')).stdout);
    expect(csv.slice(1).map((row) => row.slice(1))).toEqual([
      ['debited', 'minutes', '0', '0', '0', '0', '2', '0', '1400'],
    ]);
    const page = (await usage('debited', '--html', '-')).stdout;
    expect(page).toContain(
      '<dd id="corrections"><strong>2</strong> <small>0 units taken back, 1,400 added</small></dd>',
    );
  });

  it('prints figures, categories, hours, and suggested limits', async () => {
    const { code, stdout, stderr } = await usage('ameyo5m');
    const sums = [...sent.values()];
    const refused = sums.reduce((sum, { refused }) => sum + refused, 0);
    const requests = refused + sums.reduce((sum, { admitted }) => sum + admitted, 0);
    expect(stdout).toMatch(/^ameyo5m, \d{4}-\d\d-\d\d \d\d:\d\d to \d{4}-\d\d-\d\d \d\d:\d\d UTC\n/);
    expect(stdout).toMatch(new RegExp(`^requests +${requests.toLocaleString('en')}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^refused +${refused.toLocaleString('en')} +\\d\\.\\d %$`, 'm'));
    expect(stdout).toMatch(/^corrections +400 +2,000 units taken back, 600 added$/m);
    expect(stdout).toMatch(/^busiest minute +\d+ +\d{4}-\d\d-\d\d \d\d:\d\d, up to \d+ in a second$/m);
    expect(stdout).toMatch(/^95th percentile +\d+ +a minute, of the 200 minutes with requests$/m);
    for (const [category, { admitted, refused }] of sent) {
      const all = (admitted + refused).toLocaleString('en');
      expect(stdout).toMatch(new RegExp(`^${category} +${all} +\\d\\d\\.\\d % +${refused.toLocaleString('en')} `, 'm'));
      expect(stdout).toMatch(new RegExp(`^${category}: \\d+ a minute suggested\\. The busiest minute had `, 'm'));
    }
    const rows = stdout.split('\n').filter((line) => line.startsWith('category ') || / \d+ a minute$/.test(line));
    expect(rows).toHaveLength(1 + sent.size);
    expect(new Set(rows.map((row) => row.length)), 'rows end where their numbers do').toHaveProperty('size', 1);
    for (const head of ['requests', 'share', 'refused', '95th percentile', 'busiest minute']) {
      const end = rows[0]!.indexOf(head) + head.length;
      for (const row of rows.slice(1)) expect(row.slice(end - 1, end + 1), `${head} in ${row}`).toMatch(/^[\d%] $/);
    }
    expect(stdout).toMatch(/^ {5}0 {5}3 {5}6 {5}9 .*21\nMon( {2}[ ░▒▓█]+)?\n(\w{3}.*\n){6} {5}░░ to \d/m);
    expect([code, stderr]).toEqual([0, '']);
  });

  it('covers the requested time span', async () => {
    const from = new Date(LAST_MINUTE_AT - HOUR_MS).toISOString();
    const to = new Date(LAST_MINUTE_AT).toISOString();
    const { stdout } = await usage('ameyo5m', '--from', from, '--to', to, '--step', 'minute', '--json');
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ from: Date.parse(from), to: Date.parse(to), stepMs: 60_000, activeMinutes: 4 });
    expect(report.series).toHaveLength(60);
    const last = await usage('ameyo5m', '--last', '1h', '--to', to, '--json');
    expect(JSON.parse(last.stdout)).toMatchObject({ from: report.from, to: report.to, totals: report.totals });
  });

  it('ends with 1 for an unknown account', async () => {
    const { code, stdout, stderr } = await usage('nobody');
    expect(stdout).toMatch(/^nobody, .* UTC: no requests are known\n$/);
    expect([code, stderr]).toEqual([1, '']);
    expect((await usage('nobody', '--csv')).stdout.split('\r\n')).toHaveLength(2);
  });

  it('escapes control characters in names', async () => {
    const { stdout } = await usage(HOSTILE_ACCOUNT);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(stdout).toContain('"\\u001b[2J\\u202e"');
    expect(stdout).toMatch(/^\(others\) /m);
  });

  it.each([
    [['a', '--last', '1h', '--from', '2026-11-01'], 'Expected either --last or --from, since each sets the start'],
    [['a', '--last', '0d'], 'Expected --last to begin before the time ends'],
    [['a', '--from', '2026-11-02', '--to', '2026-11-01'], 'Expected --from to begin before the time ends'],
    [
      ['a', '--from', '2026-02-30'],
      'Expected --from to be a day or an instant such as 2026-11-17 or 2026-11-17T09:30 (UTC, or with an offset), got "2026-02-30"',
    ],
    [['a', '--json', '--csv'], 'Expected one of --json, --csv and --html -, since each prints something else'],
    [['a', '--address', '::1'], 'Expected either an account, or --address'],
    [[], 'Expected either an account, or --address'],
    [
      ['a', '--step', 'week'],
      "option '--step <length>' argument 'week' is invalid. Allowed choices are minute, hour, day.",
    ],
    [
      ['a', '--html', '/nowhere/a.html'],
      "/nowhere/a.html cannot be written: ENOENT: no such file or directory, open '/nowhere/a.html'",
    ],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, stdout, stderr } = await usage(...args);
    expect([code, stdout, stderr]).toEqual([2, '', `tollgate: ${message}\n`]);
  });
});

describe('tollgate usage --csv', () => {
  it('has a row for each step and category, with the right sums', async () => {
    const { code, stdout } = await usage('ameyo5m', '--csv');
    const [heads, ...rows] = fieldsOf(stdout);
    expect(heads).toEqual([
      ...['from_utc', 'account', 'category', 'requests', 'admitted', 'refused', 'would_refuse'],
      ...['corrections', 'refunded_units', 'debited_units'],
    ]);
    for (const [category, { admitted, refused }] of sent) {
      const own = rows.filter((row) => row[2] === category);
      const sum = (column: number) => own.reduce((sum, row) => sum + Number(row[column]), 0);
      expect([sum(3), sum(4), sum(5), sum(6)]).toEqual([admitted + refused, admitted, refused, 0]);
      const { count, refundedUnits, debitedUnits } = CORRECTIONS;
      const minutes = category === 'legs' ? 200 : 0;
      expect([sum(7), sum(8), sum(9)]).toEqual([count, refundedUnits, debitedUnits].map((each) => each * minutes));
    }
    for (const [from, account] of rows) {
      expect(from).toMatch(/^\d{4}-\d\d-\d\d \d\d:00$/);
      expect(account).toBe('ameyo5m');
    }
    expect(code).toBe(0);
  });

  it('is inert in a spreadsheet and in a terminal, for any names', async () => {
    const { stdout } = await usage(HOSTILE_ACCOUNT, '--csv');
    const [, ...rows] = fieldsOf(stdout);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([10]));
    const names = new Set(rows.flatMap((row) => [row[1]!, row[2]!]));
    expect(names.size).toBe(HOSTILE.length + 1);
    for (const name of names) expect(name).not.toMatch(/^\s*[=+\-@]|\p{C}/u);
    expect(names).toContain(`'=cmd|"/c calc"\\u001b[2J`);
    expect(names).toContain('\'=HYPERLINK("http://127.0.0.1/","x")');
  });
});

describe('tollgate usage --html', () => {
  it('writes a page, and prints its file name', async () => {
    const file = join(folder, 'page.html');
    const { code, stdout } = await usage('ameyo5m', '--html', file);
    expect(stdout).toMatch(/^ameyo5m, .* UTC\nWrote .*page\.html\.\n$/);
    expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>\n.*<\/html>\n$/s);
    expect(code).toBe(0);
  });

  it('prints the page for -', async () => {
    const { code, stdout } = await usage('ameyo5m', '--html', '-');
    expect(stdout).toMatch(/^<!doctype html>\n.*<\/html>\n$/s);
    expect(code).toBe(0);
  });
});
