import { RedisLimits, RedisUsage } from '@tollgate/redis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { clipped, padded, widthOf } from '../../../packages/cli/dist/words/columns.js';
import { RunningServer } from '../../redis-servers/standalone.js';
import { tollgate } from '../tollgate.js';
import { PseudoTerminal, type Size } from './pseudo-terminal.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server?.stop());

const MINUTE_MS = 60_000;

/** Stores usage of the present minute, as a limiter would. */
async function store(account: string, category: string, admitted: number, refused: number): Promise<void> {
  const usage = new RedisUsage({ url: server.url, timeoutMs: 10_000 });
  const minuteAt = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const fullest = { used: admitted, limit: 100, windowMs: MINUTE_MS };
  const counts = { admitted, refused, wouldRefuse: 0, seconds: [0, admitted + refused] };
  expect(await usage.add([{ account, category, minuteAt, ...counts, fullest }])).toEqual([]);
  await usage.close();
}

/** Run before each look, so that the counts are of a minute that `top` shows. */
async function storeAll(): Promise<void> {
  await store('ameyo5m', 'legs', 100, 40);
  await store('acme', 'calls', 85, 0);
  await store('globex', 'legs', 12, 3);
  await store('@:203.0.113.7', 'legs', 50, 0);
  await store('\u001b[2J', '你好'.repeat(60), 60, 1);
}

describe('tollgate top --once', () => {
  beforeAll(storeAll);

  it('prints who is nearest to the limits and who is refused most', async () => {
    for (const args of [['--once'], []]) {
      const { code, stdout, stderr } = await tollgate(['top', ...args, '--redis', server.url]);
      const lines = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
      expect(lines[0]).toEqual(['tollgate top', server.url]);
      expect(lines[1]![0]).toMatch(/^Since \d\d:\d\d:00 UTC, as of \d\d:\d\d:\d\d$/);
      expect(lines.slice(3, 6)).toEqual([
        ['Nearest their limits'],
        ['full', 'used', 'limit', 'party', 'name', 'category'],
        ['100 %', '██████████', '100', '100 / 1m', 'account', 'ameyo5m', 'legs'],
      ]);
      expect(lines[6]).toEqual(['85 %', '████████··', '85', '100 / 1m', 'account', 'acme', 'calls']);
      expect(lines).toContainEqual(['50 %', '█████·····', '50', '100 / 1m', 'address', '203.0.113.7', 'legs']);
      const refused = lines.slice(lines.findIndex(([title]) => title === 'Refused most'));
      expect(refused.slice(1, 4)).toEqual([
        ['refused', 'share', 'admitted', 'party', 'name', 'category'],
        ['40', '28.6 %', '100', 'account', 'ameyo5m', 'legs'],
        ['3', '20.0 %', '12', 'account', 'globex', 'legs'],
      ]);
      expect(stdout).not.toContain('\u001b');
      expect([code, stderr]).toEqual([0, '']);
    }
  });

  it('prints --rows accounts, and JSON for programs', async () => {
    const { stdout } = await tollgate(['top', '--once', '--json', '--rows', '2', '--redis', server.url]);
    const { nearest, refused } = JSON.parse(stdout);
    expect(nearest.map(({ account }: { account: string }) => account)).toEqual(['ameyo5m', 'acme']);
    expect(refused).toMatchObject([{ account: 'ameyo5m', refused: 40, admitted: 100 }, { account: 'globex' }]);
  });

  it('prints none for empty lists', async () => {
    const { stdout } = await tollgate(['top', '--prefix', 'empty', '--redis', server.url]);
    expect(stdout).toMatch(/\nNearest their limits\n {2}none\n\nRefused most\n {2}none\n$/);
  });

  it.each([
    [['--rows', '0'], 'Expected --rows to be a whole number from 1 to 100'],
    [['--rows', '101'], 'Expected --rows to be a whole number from 1 to 100'],
    [['--every', '1ms'], 'Expected --every to be from 100ms to 1h'],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, stderr } = await tollgate(['top', ...args, '--redis', server.url]);
    expect([code, stderr]).toEqual([2, `tollgate: ${message}\n`]);
  });
});

describe.skipIf(process.platform !== 'linux')('tollgate top on a terminal', () => {
  const opened: PseudoTerminal[] = [];
  afterEach(() => {
    for (const terminal of opened.splice(0)) terminal.dispose();
  });

  async function top(size: Size, ...args: readonly string[]): Promise<PseudoTerminal> {
    await storeAll();
    const terminal = await PseudoTerminal.start(['top', '--redis', server.url, '--every', '100ms', ...args], size);
    opened.push(terminal);
    await terminal.shows('Refused most');
    return terminal;
  }

  /** Expects that the alternate screen is left, and that the cursor and the settings are restored. */
  async function restored(terminal: PseudoTerminal, code: number): Promise<void> {
    await terminal.ended();
    const { output } = terminal;
    expect(output.lastIndexOf('\u001b[?1049l')).toBeGreaterThan(output.lastIndexOf('\u001b[?1049h'));
    expect(output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(output.lastIndexOf('\u001b[?25l'));
    expect(output.lastIndexOf('\u001b[?7h')).toBeGreaterThan(output.lastIndexOf('\u001b[?7l'));
    // No frame is drawn after the end.
    expect(output.lastIndexOf('\u001b[?2026l')).toBeLessThan(output.lastIndexOf('\u001b[?1049l'));
    expect(terminal.printed('after')).toBe(terminal.printed('before'));
    expect(terminal.printed('code')).toBe(String(code));
  }

  it.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])('%s ends it with 0 and leaves the terminal as it was', async (_name, keys) => {
    const terminal = await top({ rows: 30, columns: 100 });
    terminal.type(`xyz${keys}`);
    await restored(terminal, 0);
    expect(terminal.output).not.toContain('xyz');
  });

  it.each([
    ['SIGINT', 0],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends it with %i and leaves the terminal as it was', async (signal, code) => {
    const terminal = await top({ rows: 30, columns: 100 });
    terminal.signal(signal);
    await restored(terminal, code);
  });

  it('shows changes, and draws each frame over the last one without clearing', async () => {
    const terminal = await top({ rows: 30, columns: 100 });
    await store('newcomer', 'legs', 99, 70);
    await terminal.shows(/99 % +█+· +99 +100 \/ 1m +account +newcomer +legs/);
    await terminal.shows(/70 +41\.4 % +99 +account +newcomer +legs/);
    expect(terminal.framesDrawn).toBeGreaterThan(1);
    expect(terminal.output.split('\u001b[2J')).toHaveLength(2);
    terminal.type('q');
    await restored(terminal, 0);
  });

  it.each([
    { rows: 12, columns: 60 },
    { rows: 40, columns: 33 },
    { rows: 5, columns: 20 },
  ])('fits a terminal that is resized to %o', async (size) => {
    const terminal = await top({ rows: 30, columns: 100 });
    await terminal.shows('ameyo5m');
    terminal.resize(size);
    await terminal.shows(/^.{0,20}/);
    const before = terminal.framesDrawn;
    await vi.waitFor(() => expect(terminal.framesDrawn).toBeGreaterThan(before + 2), 10_000);
    expect(terminal.screen.length).toBeLessThanOrEqual(size.rows);
    for (const line of terminal.screen) expect(widthOf(line)).toBeLessThanOrEqual(size.columns);
    terminal.type('q');
    await restored(terminal, 0);
  });

  it('shows that Redis is down, keeps the last lists, and continues when it is back', async () => {
    const own = await RunningServer.start();
    const terminal = await PseudoTerminal.start(['top', '--redis', own.url, '--every', '100ms', '--timeout', '1000'], {
      rows: 30,
      columns: 120,
    });
    opened.push(terminal);
    await terminal.shows('Refused most');
    await own.kill();
    await terminal.shows(/ECONNREFUSED.*; trying again/);
    await terminal.shows('Refused most');
    await own.restart();
    await terminal.shows(/^tollgate top {2}\S+\nSince/);
    terminal.type('q');
    await restored(terminal, 0);
    await own.stop();
  });

  it('shows that limiting is suspended as long as it is', async () => {
    const terminal = await top({ rows: 30, columns: 100 });
    const limits = new RedisLimits({ url: server.url });
    await limits.suspend({ by: 'alice', reason: 'ticket 4711' });
    await terminal.shows('LIMITING IS SUSPENDED');
    await limits.resume({ by: 'alice' });
    await limits.close();
    await terminal.shows(/^tollgate top {2}\S+\nSince/);
    terminal.type('q');
    await restored(terminal, 0);
  });
});

describe('text on a terminal', () => {
  it.each([
    ['legs', 4],
    ['你好', 4],
    ['e\u0301', 1],
    ['', 0],
  ])('%j takes %i columns', (text, columns) => {
    expect(widthOf(text)).toBe(columns);
    expect(clipped(text, columns)).toBe(text);
  });

  it('is cut between characters, and padded to the column', () => {
    expect([clipped('abcdef', 4), clipped('你好吗', 4), clipped('abc', 1), clipped('abc', 0)]).toEqual([
      'abc…',
      '你…',
      '…',
      '',
    ]);
    expect([padded('你', 4), padded('7', 3, 'start'), padded('long', 2)]).toEqual(['你  ', '  7', 'long']);
  });
});
