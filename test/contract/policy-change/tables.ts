import { readFileSync } from 'node:fs';
import {
  type Charge,
  type Decision,
  defineAccountLayer,
  type Layer,
  type PolicyOptions,
  type QuotaList,
  type QuotaOptions,
} from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { section, tableOf } from '../../docs/section.js';
import type { StoreUnderTest } from '../store/player.js';
import { ChangingLimiter } from './changing-limiter.js';

const page = readFileSync(new URL('../../../docs/changing-a-policy.md', import.meta.url), 'utf8');

/** Plays the tables of `docs/changing-a-policy.md` about admissions before a change of policy. */
export function describeChangeTables(makeStore: () => StoreUnderTest): void {
  const changes = section(page, '## What still counts');
  const headings = [...changes.matchAll(/^### .*$/gm)].map(([heading]) => heading);
  const tables = headings
    .map((heading) => [heading.slice(4), tableOf(section(changes, heading))] as const)
    .filter(([, rows]) => rows[0]?.['policy'] !== undefined);

  describe('the tables of docs/changing-a-policy.md', () => {
    it('number 11', () => expect(tables).toHaveLength(11));

    it.each(tables)('%s', (_, rows) =>
      ChangingLimiter.use(makeStore, policyOf(rows[0]!['policy']!), (changing) =>
        play(rows, changing, (policy) => changing.limiter.setPolicy(policyOf(policy))),
      ),
    );

    const ofOneAccount = tables.filter(([, rows]) => rows.every(({ policy }) => !/environment|plan/.test(policy!)));

    it.each(ofOneAccount)('%s, through an account source', (_, rows) => {
      const layerOf = (policy: string) => defineAccountLayer(policyOf(policy));
      let layer = layerOf(rows[0]!['policy']!);
      const source = { layerOf: () => layer };
      return ChangingLimiter.use(
        makeStore,
        { quotas: 'unlimited' },
        (changing) =>
          play(rows, changing, (policy) => {
            layer = layerOf(policy);
          }),
        source,
      );
    });
  });
}

async function play(
  rows: readonly Record<string, string>[],
  changing: ChangingLimiter,
  change: (policy: string) => void,
): Promise<void> {
  const played = [];
  let inForce = rows[0]!['policy']!;
  for (const { at, policy, charge } of rows) {
    await changing.moveTo(msOf(at!));
    if (policy !== inForce) change(policy!);
    inForce = policy!;
    const [, cost, of] = /^(\d+)(?: (.*))?$/.exec(charge!)!;
    played.push({ at, policy, charge, ...shown(await changing.charge(Number(cost), scopeOf(of))) });
  }
  expect(played).toEqual(rows.map(({ why: _, ...row }) => row));
}

/** `3 in 60 s, 1 in 10 s; plan gold: 5 in 60 s; total: 9 in 60 s` */
function policyOf(text: string): PolicyOptions {
  const [base, ...clauses] = text.split('; ');
  const policy = { quotas: quotasOf(base!) } as Record<string, unknown> & PolicyOptions;
  for (const clause of clauses) {
    const [whose, quotas] = clause.split(': ') as [string, string];
    const [kind, name] = whose.split(' ') as [string, string?];
    if (name === undefined) policy[kind] = quotasOf(quotas);
    else policy[`${kind}s`] = { [name]: { quotas: quotasOf(quotas) } satisfies Layer };
  }
  return policy;
}

function quotasOf(text: string): QuotaList {
  if (text === 'unlimited') return text;
  return text.split(', ').map((quota): QuotaOptions => {
    const [, limit, window] = /^(\d+) in (\d+ m?s)$/.exec(quota)!;
    return { limit: Number(limit), windowMs: msOf(window!) };
  });
}

/** `of actions`, `in sandbox`, `on gold` */
function scopeOf(text: string | undefined): Partial<Charge> {
  if (text === undefined) return {};
  const [, word, name] = /^(of|in|on) (\w+)$/.exec(text)!;
  const part = { of: 'category', in: 'environment', on: 'plan' }[word!]!;
  return { [part]: name };
}

function shown({ allowed, retryAfterMs, quotas }: Decision) {
  const each = (show: (quota: Decision['quotas'][number]) => string) => quotas.map(show).join(', ') || '–';
  return {
    answer: allowed ? 'admitted' : `refused for ${inWords(retryAfterMs!)}`,
    used: each(({ used, limit }) => `${used} of ${limit}`),
    'room grows in': each(({ resetAfterMs }) => inWords(resetAfterMs)),
  };
}

function msOf(text: string): number {
  const [, number, unit] = /^(\d+) (m?s)$/.exec(text)!;
  return Number(number) * (unit === 's' ? 1000 : 1);
}

function inWords(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}
