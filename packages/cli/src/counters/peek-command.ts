import { type Decision, definePolicy, type QuotaState } from '@tollgate/core';
import type { Command } from 'commander';
import { DONE, NO, UsageError } from '../exit-codes.js';
import { printResult } from '../output.js';
import { redisFailure } from '../redis/index.js';
import {
  alignedRows,
  blockInWords,
  parseName,
  shownName,
  shownParty,
  shownSubject,
  shownSubjects,
  shownText,
  waitInWords,
} from '../words/index.js';
import { type CounterOptions, policyOf, serviceOf, withLimiter } from './limiter-session.js';
import { addTarget, identityOf } from './target-options.js';

interface PeekOptions extends CounterOptions {
  readonly plan?: string;
  readonly region?: string;
  readonly cost?: number;
}

/** Adds `peek`. */
export function addPeek(program: Command): Command {
  const peek = program.command('peek').description('show whether a request would be admitted now, without charging it');
  return addTarget(peek, 'which part of the API', 'the environment')
    .option('--plan <name>', "the account's plan", parseName)
    .option('--region <name>', 'the region', parseName)
    .option('--cost <units>', 'the cost of the request (default: 1)', parseCost)
    .addHelpText(
      'after',
      `
Requires --category, except with --service. Limits stored on Redis win over the policy. Exits with 1 when the
request would be refused.

Examples:
  tollgate peek ameyo5m --category legs
  tollgate peek ameyo5m --category legs --policy policy.yaml --plan enterprise --cost 5
  tollgate peek ameyo5m --category actions --policy policy.yaml --subject leg=L1 --subject key=k7
  tollgate peek --address 203.0.113.7 --category login --policy policy.yaml
  tollgate peek --service --policy policy.yaml`,
    )
    .action(runPeek);
}

async function runPeek(account: string | undefined, options: PeekOptions): Promise<void> {
  const identity = identityOf(account, options);
  if (identity === undefined) return peekService(options);
  const { category, subject: subjects, plan, region, environment, cost } = options;
  if (category === undefined) throw new UsageError("required option '--category <name>' not specified");
  const policy = await policyOf(options);
  await withLimiter(options, policy, async (limiter, store, url) => {
    const charge = { ...identity, category, subjects, plan, region, environment, cost };
    const decision = asked(await limiter.peek(charge), store, url);
    const isByDefault = options.policy === undefined && decision.quotas.length > 0;
    const names = [shownParty(decision), shownName(category), ...(subjects ? [shownSubjects(subjects)] : [])];
    printResult(options, decision, () => decisionInWords(names.join(' '), decision) + (isByDefault ? BY_DEFAULT : ''));
    process.exitCode = decision.allowed ? DONE : NO;
  });
}

/** The limits of everybody together are alone in a policy of their own, where any request has them. */
async function peekService(options: PeekOptions): Promise<void> {
  const policy = definePolicy(await serviceOf(options));
  await withLimiter(options, policy, async (limiter, store, url) => {
    const decision = asked(await limiter.peek({ address: '', category: 'any', cost: options.cost }), store, url);
    const { address: _address, category: _category, ...shown } = decision.toJSON() as Record<string, unknown>;
    printResult(options, { service: true, ...shown }, () => decisionInWords('everybody together', decision));
    process.exitCode = decision.allowed ? DONE : NO;
  });
}

/** A service would decide without Redis. Here that answer would be about empty counters. */
function asked(decision: Decision, store: { readonly lastError: unknown }, url: string): Decision {
  const { source, reason } = decision;
  if (source === 'local' || reason === 'store-unavailable') {
    throw redisFailure(url, 'failed', store.lastError ?? 'no answer in time');
  }
  return decision;
}

const BY_DEFAULT =
  '\n\nBy the default policy, 100 a minute, unless Redis has limits of the account. --policy sets another policy.';

function decisionInWords(who: string, decision: Decision): string {
  const { throttled, quotas, block } = decision;
  const lines = [`${who}: ${verdict(decision)}`];
  if (block !== undefined) lines.push(`blocked: ${blockInWords(block)}, by ${shownText(block.from)}`);
  if (throttled !== undefined) {
    const { factor, endsAfterMs } = throttled;
    const wait = waitInWords(endsAfterMs);
    lines.push(`throttled: the ${limitsInWords(decision)} are multiplied by ${factor} for another ${wait}`);
  }
  if (quotas.length > 0) {
    const rows = quotas.map((quota) => {
      const { name, limit, used, remaining, resetAfterMs } = quota;
      const wait = resetAfterMs === 0 ? '' : waitInWords(resetAfterMs);
      return [shownText(name), scopeInWords(quota), `${used}`, `${limit}`, `${remaining}`, wait];
    });
    lines.push('', alignedRows([['quota', 'scope', 'used', 'limit', 'left', 'more in'], ...rows]));
  }
  return lines.join('\n');
}

/** The limits that are throttled. */
function limitsInWords({ throttled, category }: Decision): string {
  const { scope, subject = '', subjectId = '' } = throttled!;
  if (scope === 'category') return `limits of ${shownName(category)}`;
  return scope === 'subject' ? `limits of ${shownSubject(subject, subjectId)}` : `${scope} limits`;
}

/** The subject itself in place of that word. No other scope has a `=`. */
function scopeInWords({ scope, subject, subjectId = '' }: QuotaState): string {
  return subject === undefined ? scope : shownSubject(subject, subjectId);
}

function verdict({ allowed, wouldRefuse, reason, retryAfterMs, quotas }: Decision): string {
  if (reason === 'blocked') return 'refused (blocked)';
  const wait = retryAfterMs === null ? 'never admitted at this cost' : `admitted in ${waitInWords(retryAfterMs)}`;
  if (wouldRefuse) return `allowed, since its limits are only observed; if enforced: refused (${reason}), ${wait}`;
  if (!allowed) return `refused (${reason}), ${wait}`;
  if (reason === 'suspended') return 'allowed, since limiting is suspended';
  return quotas.length === 0 ? 'allowed, no limit applies' : 'allowed';
}

function parseCost(typed: string): number {
  if (!/^\d{1,10}$/.test(typed))
    throw new UsageError(`Expected --cost to be a whole number, got ${JSON.stringify(typed)}`);
  return Number(typed);
}
