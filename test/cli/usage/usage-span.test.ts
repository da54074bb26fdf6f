import { summarizeUsage } from '@tollgate/core/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barsOf } from '../../../packages/cli/dist/page/bars.js';
import { html } from '../../../packages/cli/dist/page/markup.js';
import { parseInstant, spanOf } from '../../../packages/cli/dist/usage/usage-span.js';
import { textCell } from '../../../packages/cli/dist/usage/usage-text.js';
import { patternInWords, shareInWords } from '../../../packages/cli/dist/words/figures.js';

const DAY_MS = 86_400_000;

describe('the time span of a report', () => {
  it('is the last week, the last --last, or from one instant to another', () => {
    const now = Date.UTC(2026, 10, 24, 18, 30);
    const day = (day: number) => Date.UTC(2026, 10, day);
    expect(spanOf({}, now)).toEqual({ from: now - 7 * DAY_MS, to: now });
    expect(spanOf({ last: '12h' }, now)).toEqual({ from: now - DAY_MS / 2, to: now });
    expect(spanOf({ last: '2d', to: '2026-11-20' }, now)).toEqual({ from: day(18), to: day(20) });
    expect(spanOf({ from: '2026-11-20' }, now)).toEqual({ from: day(20), to: now });
    expect(spanOf({ from: '2026-11-01', to: '2026-11-20' }, now)).toEqual({ from: day(1), to: day(20) });
  });

  it.each([
    ['2026-11-17', '2026-11-17T00:00:00.000Z'],
    ['2026-11-17T09:30', '2026-11-17T09:30:00.000Z'],
    ['2026-11-17 09:30:15', '2026-11-17T09:30:15.000Z'],
    ['2026-11-17T09:30:15.5Z', '2026-11-17T09:30:15.500Z'],
    ['2026-11-17t09:30+05:30', '2026-11-17T04:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ])('%s is %s', (typed, instant) => {
    expect(new Date(parseInstant(typed, '--from')).toISOString()).toBe(instant);
  });

  it.each(['', 'now', '2026', '2026-11', '17.11.2026', '2026-13-01', '2026-02-30', '2026-11-17T25:00', '1763337600'])(
    '%j is not an instant, and the error shows valid ones',
    (typed) => {
      expect(() => parseInstant(typed, '--to')).toThrow(/^Expected --to to be a day or an instant such as /);
    },
  );

  it('is drawn in at most 202 bars that contain every step once', () => {
    const span = fc.record({
      from: fc.integer({ min: 0, max: 20_000 * DAY_MS }),
      lengthMs: fc.integer({ min: 1, max: 40 * DAY_MS }),
      step: fc.constantFrom('minute', 'hour', 'day'),
    });
    fc.assert(
      fc.property(span, ({ from, lengthMs, step }) => {
        const report = summarizeUsage([], { account: 'a', from, to: from + lengthMs, step } as never);
        const { bars, barMs } = barsOf(report);
        expect(bars.length).toBeLessThanOrEqual(202);
        expect(bars.flatMap(({ steps }) => steps)).toEqual(report.series);
        for (const { at, steps } of bars) {
          for (const step of steps) expect(step.at >= at && step.at + report.stepMs <= at + barMs).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('a figure', () => {
  it('is never shown as 0 % when it is more, nor as 100 % when it is less', () => {
    expect([0, 0.0001, 0.028, 0.5, 0.9999, 1].map(shareInWords)).toEqual([
      ...['0 %', '< 0.1 %', '2.8 %', '50.0 %', '> 99.9 %', '100 %'],
    ]);
  });

  it('by hour has a shade whose maximum is in the legend', () => {
    const pattern = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
    pattern[0]![9] = 100;
    pattern[6]![23] = 25;
    const lines = patternInWords(pattern).split('\n');
    expect(lines[1]).toBe(`Mon${' '.repeat(2 + 18)}██`);
    expect(lines[7]).toBe(`Sun${' '.repeat(2 + 46)}░░`);
    expect(lines[8]).toBe('     ░░ to 25  ▒▒ to 50  ▓▓ to 75  ██ to 100');
    pattern[0]![9] = 2;
    pattern[6]![23] = 0;
    expect(patternInWords(pattern).split('\n')[8]).toBe('     ▒▒ to 1  ██ to 2');
  });
});

describe('hostile text', () => {
  it('in HTML is always text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = html`<p title="${text}">${text}</p>`.text;
        expect(written.slice('<p title="'.length, -'</p>'.length)).not.toMatch(/[<'&"](?!#\d+;|>)/);
        expect(written.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code))).toBe(
          `<p title="${text}">${text}</p>`,
        );
      }),
    );
  });

  it.each(['=1+1', '+1', '-1', '@x', '\t=1', ' =1', '＝1'])('%j in a cell is not a formula', (text) => {
    expect(textCell(text)).toBe(`"'${text}"`);
  });

  it('in a cell is kept, with doubled quotes', () => {
    expect(textCell('a "b", c')).toBe('"a ""b"", c"');
  });
});
