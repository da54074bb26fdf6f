import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPage } from './fences.js';
import { section, tableOf } from './section.js';
import { StrictProgram } from './strict-program.js';

const page = readPage('docs/reference.md');

const TYPES = `
import type {
  AccountSource, AppliedQuota, Charge, ChargeState, Clock, CounterTarget, Decision, DecisionSource, Health, LimiterEvents, LimiterStats, MaybePromise,
  MemoryStore, MemoryStoreOptions, MemoryStoreStats, Policy, PolicyOptions, QuotaOptions, QuotaState, RateLimiter, RateLimiterOptions,
  Reason, Receipt, Store, Throttled,
} from '@tollgate/core';
import type { Block, Subjects } from '@tollgate/core/kit';
import type { ChargeEntry, ClientFacts, NamedSubjects, Optional, Paths } from '@tollgate/core/http';
import type { UsageOptions, UsageQuestion, UsageReport } from '@tollgate/core/usage';
import type { RedisClient, RedisStoreOptions, RedisStoreStats } from '@tollgate/redis';
import type { Request, Response } from 'express';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RateLimitOptions as ExpressOptions } from '@tollgate/express';
import type { RateLimitOptions as FastifyOptions } from '@tollgate/fastify';
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Nothing<Names> = [Names] extends [never] ? true : Names;
type Presence<T, K extends keyof T> = {} extends Pick<T, K> ? 'optional' : 'required';
`;

/** The tables of the page, with the type that each documents. */
const TABLES: readonly (readonly [headings: readonly string[], type: string])[] = [
  [['### Options of RateLimiter'], 'RateLimiterOptions'],
  [['### Methods of RateLimiter'], 'RateLimiter'],
  [['### Charge'], 'Charge'],
  [['### CounterTarget'], 'CounterTarget'],
  [['## Decision'], 'Decision'],
  [['### QuotaState'], 'QuotaState'],
  [['### Throttled'], 'Throttled'],
  [['### ChargeState'], 'ChargeState'],
  [['### Block'], 'Block'],
  [['### Options of MemoryStore'], 'MemoryStoreOptions'],
  [['### Counts of MemoryStore'], 'MemoryStoreStats'],
  [['### Options of RedisStore'], 'RedisStoreOptions'],
  [['### Counts of RedisStore'], 'RedisStoreStats'],
  [['### Options of both adapters'], 'ExpressOptions'],
  [['### Options of both adapters', '### Options of the Fastify plugin alone'], 'FastifyOptions'],
];

interface Row {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
}

function rowsUnder(heading: string): Row[] {
  return tableOf(section(page, heading)).map((row) => ({
    name: row['option'] ?? row['method'] ?? row['field']!,
    type: row['type']!,
    isRequired: row['default'] === 'required',
  }));
}

/** The text within backticks. */
const code = (cell: string) => /^`(.*)`$/.exec(cell)![1]!.replaceAll('\\|', '|');

/** A module that compiles only if the rows are the properties of the type. Each line makes one claim. */
function moduleFor(type: string, rows: readonly Row[]): string {
  const types = type === 'FastifyOptions' ? TYPES.replace('import type { Request, Response }', '// $&') : TYPES;
  const aliases = type === 'FastifyOptions' ? 'type Request = FastifyRequest; type Response = FastifyReply;\n' : '';
  const names = rows.map(({ name }) => `'${code(name)}'`).join(' | ');
  const hasDefaults = /Options$|^Charge$|^CounterTarget$/.test(type);
  const claims = [
    `export const isComplete: Nothing<Exclude<keyof ${type}, ${names}>> = true;`,
    `export const isReal: Nothing<Exclude<${names}, keyof ${type}>> = true;`,
  ];
  for (const { name, type: cell, isRequired } of rows) {
    const property = `'${code(name)}'`;
    const value = hasDefaults ? `Exclude<Required<${type}>[${property}], undefined>` : `${type}[${property}]`;
    claims.push(`export const is_${code(name)}: Same<${value}, ${code(cell)}> = true;`);
    // Every charge has an account or an address, which no property alone says.
    if (!hasDefaults || /^'(account|address)'$/.test(property)) continue;
    claims.push(
      `export const needs_${code(name)}: Presence<${type}, ${property}> = '${isRequired ? 'required' : 'optional'}';`,
    );
  }
  return `${types}${aliases}${claims.join('\n')}\n`;
}

const modules = new Map(
  TABLES.map(([headings, type]) => [type, moduleFor(type, headings.flatMap(rowsUnder))] as const),
);
const reasons = tableOf(section(page, '### Reason')).map(({ reason }) => code(reason!));
modules.set('Reason', `${TYPES}export const isComplete: Same<Reason, ${reasons.join(' | ')}> = true;\n`);
const program = new StrictProgram();
beforeAll(() => program.compile(modules), 60_000);
afterAll(() => program.dispose());

describe('docs/reference.md', () => {
  it.each(TABLES)('lists under %s every property of %s, with its type, and no others', (_headings, type) => {
    const lines = modules.get(type)!.split('\n');
    const problems = program.problemsOf(type).map((problem) => {
      const line = Number(/^\((\d+)/.exec(problem)![1]);
      return `${lines[line - 1]}\n  ${problem}`;
    });
    expect(problems).toEqual([]);
  });

  it('lists every reason of a decision', () => {
    expect(program.problemsOf('Reason')).toEqual([]);
  });
});
