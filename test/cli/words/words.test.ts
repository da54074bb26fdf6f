import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shownText } from '../../../packages/cli/dist/safe-text.js';
import { durationInWords, parseDuration, waitInWords } from '../../../packages/cli/dist/words/duration-words.js';
import { parseQuotas, quotasInWords } from '../../../packages/cli/dist/words/quota-words.js';
import { parseName, shownName } from '../../../packages/cli/dist/words/shown-text.js';
import { parseSubject, shownSubject } from '../../../packages/cli/dist/words/subject-words.js';
import { parseThrottle, throttleInWords } from '../../../packages/cli/dist/words/throttle-words.js';

const windowMs = fc.oneof(
  fc.integer({ min: 100, max: 2_678_400_000 }),
  fc.constantFrom(1000, 5000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000),
);
const unit = fc.oneof(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.constantFrom(0, 1, 100));

describe('quotas in words', () => {
  it('are read back as the same value', () => {
    const quotas = fc.array(fc.record({ limit: unit, windowMs }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.oneof(quotas, fc.constant('unlimited' as const)), (list) => {
        expect(parseQuotas(quotasInWords(list), '--quotas')).toEqual(list);
      }),
    );
  });

  it.each([
    ['6000/minute,100/second', '6000/minute,100/second'],
    ['6000/m, 100/1s', '6000/minute,100/second'],
    ['20/5 Seconds', '20/5s'],
    ['20/300s', '20/5m'],
    ['1/24h', '1/day'],
    ['9/90 days', '9/90d'],
    ['1/250ms', '1/250ms'],
    ['0/hour', '0/hour'],
    ['Unlimited', 'unlimited'],
  ])('%s is printed as %s', (typed, printed) => {
    expect(quotasInWords(parseQuotas(typed, '--quotas'))).toBe(printed);
  });

  it.each([
    '',
    '100',
    '/minute',
    '100/',
    '100/fortnight',
    '1e3/minute',
    '-1/minute',
    '1.5/s',
    '1/1.5s',
    '1/minute,,',
    'unlimited,1/s',
    '１/minute',
  ])('%j is invalid, and the error shows a valid form', (typed) => {
    expect(() => parseQuotas(typed, '--total')).toThrow(/^Expected --total to .* such as /);
  });
});

describe('a throttle in words', () => {
  it('are read back as the same value', () => {
    const factor = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const escalate = fc.record({
      factor: fc.double({ min: 1, max: 100, minExcluded: true, noNaN: true }),
      maxMs: windowMs,
    });
    const throttle = fc.record(
      { afterViolations: unit, withinMs: windowMs, forMs: windowMs, factor, escalate },
      { requiredKeys: ['afterViolations', 'withinMs', 'forMs', 'factor'] },
    );
    fc.assert(
      fc.property(throttle, (throttle) => {
        expect(parseThrottle(throttleInWords(throttle))).toEqual(throttle);
      }),
    );
    expect(parseThrottle('off')).toBe(false);
    expect(throttleInWords(false)).toBe('off');
  });

  it.each([
    '',
    'on',
    'after=10',
    'after=10,within=1m,for=5m',
    'after=10,after=10,within=1m,for=5m,factor=0.5',
    'after=10,within=1m,for=5m,factor=half',
    'after=10,within=1m,for=5m,factor=0.5,escalate=2',
    'after=10,within=1m,for=5m,factor=0.5,max=1h',
    'after=10,within=1m,for=5m,factor=0.5,toString=1',
  ])('%j is invalid, and the error shows a valid form', (typed) => {
    expect(() => parseThrottle(typed)).toThrow(/^Expected --throttle to be after=N,within=TIME,for=TIME,factor=F/);
  });

  it('names the part with an invalid time in its error', () => {
    expect(() => parseThrottle('after=10,within=soon,for=5m,factor=0.5')).toThrow(
      'Expected within of --throttle to have a time such as minute or 5s, got "soon"',
    );
  });
});

describe('a duration', () => {
  it('is printed in the largest unit without a fraction', () => {
    expect([100, 1000, 1500, 90_000, 86_400_000].map(durationInWords)).toEqual([
      '100ms',
      'second',
      '1500ms',
      '90s',
      'day',
    ]);
    expect(parseDuration('1500 ms', 'it')).toBe(1500);
  });

  it('to wait is never rounded down', () => {
    expect([0, 0.5, 999, 1000, 1001, 59_999, 60_000, 61_001, 3_600_000, 90_061_000].map(waitInWords)).toEqual([
      '0 ms',
      '1 ms',
      '999 ms',
      '1 s',
      '1.1 s',
      '60 s',
      '1 min',
      '1 min 2 s',
      '1 h',
      '1 d 1 h',
    ]);
  });
});

describe('a name', () => {
  it('of any characters is shown without control characters, and read back as itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (name) => {
        const shown = shownName(name);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        if (name.length <= 100) expect(parseName(shown)).toBe(name);
      }),
    );
  });

  it.each([
    ['ameyo5m', 'ameyo5m'],
    ['', '""'],
    ['--all', '"--all"'],
    ['a b', '"a b"'],
    ['"quoted"', '"\\"quoted\\""'],
    ['\u001b[2J', '"\\u001b[2J"'],
    ['\u202eevil', '"\\u202eevil"'],
    ['\u{e0041}\ud800', '"\\udb40\\udc41\\ud800"'],
    ['नमस्ते', '"नमस्ते"'],
  ])('%j is shown as %s', (name, shown) => {
    expect(shownName(name)).toBe(shown);
    expect(parseName(shown)).toBe(name);
  });

  it('that is long is cut', () => {
    expect(shownName('x'.repeat(5000))).toBe(`${'x'.repeat(100)}… (5000 characters)`);
  });

  it('that only looks like JSON is kept', () => {
    for (const typed of ['"', '"a"b"', 'a"b"', '"\\x"']) expect(parseName(typed)).toBe(typed);
  });
});

describe('foreign text', () => {
  it('keeps its letters, and its control characters are escaped', () => {
    expect(shownText('refused "good" traffic\n\u001b]0;owned\u0007')).toBe(
      'refused "good" traffic\\u000a\\u001b]0;owned\\u0007',
    );
  });
});

describe('a subject', () => {
  it('of any kind and id is shown without control characters, and read back as itself', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(text, text, (kind, id) => {
        const shown = shownSubject(kind, id);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(Object.entries(parseSubject(shown))).toEqual([[kind, id]]);
      }),
    );
  });

  it.each([
    ['leg=L1', ['leg', 'L1']],
    ['leg=L=1', ['leg', 'L=1']],
    ['"a=b"=c', ['a=b', 'c']],
    ['leg="two\\u0000"', ['leg', 'two\0']],
    ['"leg=L1', ['"leg', 'L1']],
    ['__proto__=x', ['__proto__', 'x']],
  ])('%s is read as %j', (typed, [kind, id]) => {
    const before = parseSubject('other=1');
    expect(Object.entries(parseSubject(typed, before))).toEqual([
      ['other', '1'],
      [kind, id],
    ]);
    expect(() => parseSubject(typed, parseSubject(typed))).toThrow(
      /^Expected one --subject of each kind, got .* twice$/,
    );
  });
});
