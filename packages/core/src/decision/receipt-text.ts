import { createHmac, timingSafeEqual } from 'node:crypto';
import { NO_LIMITS } from '../policy/index.js';
import { type CounterSpec, longestMsOfAll, type Outcome, partsOfSubjectCounter, Quota } from '../store/index.js';
import type { PreparedCharge } from './prepared-charge.js';

/** When a receipt was first written as text. */
export interface Issue {
  /** Names the receipt among all others. */
  readonly id: string;
  /** Milliseconds since the epoch, by the clock of the process. */
  readonly at: number;
}

/**
 * For how many milliseconds the text of a receipt is accepted: a day, or as long as the charge can count if that is
 * longer.
 */
export function textLifeMs({ resolution }: PreparedCharge): number {
  return Math.max(DAY_MS, longestMsOfAll(resolution.counters));
}

const DAY_MS = 86_400_000;

/** An admitted charge as its receipt's text has it. */
export interface ReceiptContent {
  readonly issue: Issue;
  readonly charge: PreparedCharge;
  /** Only what a refund needs. */
  readonly outcome: Outcome;
}

/**
 * A receipt as text: a version, the content as JSON in base64url, and the first 128 bits of its HMAC-SHA-256. The
 * content has the account, the category, the cost, the instant of the admission, and the counters with their quotas.
 */
export function writeReceipt({ issue, charge, outcome }: ReceiptContent, key: string): string {
  const { account, address, category, cost, owner, resolution, joined } = charge;
  const counters = resolution.counters.map(({ name, quotas, account, cost }) => [
    name,
    quotas.map(({ limit, windowMs, slices }) => [limit, windowMs, slices]),
    ...(account === undefined && cost === undefined ? [] : [account ?? null, cost ?? null]),
  ]);
  const content = [
    issue.id,
    issue.at,
    account ?? null,
    address ?? null,
    category,
    cost,
    owner,
    outcome.now,
    outcome.token,
    counters,
    ...(joined === undefined ? [] : [joined.shares]),
  ];
  const text = `${VERSION}.${Buffer.from(JSON.stringify(content)).toString('base64url')}`;
  return `${text}.${signatureOf(text, key)}`;
}

/** The content of a receipt's text; `undefined` unless it was written with this key. */
export function readReceipt(written: string, key: string): ReceiptContent | undefined {
  const end = written.lastIndexOf('.');
  const text = written.slice(0, Math.max(0, end));
  const [signature, expected] = [Buffer.from(written.slice(end + 1)), Buffer.from(signatureOf(text, key))];
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
  const content = JSON.parse(Buffer.from(text.slice(VERSION.length + 1), 'base64url').toString()) as Content;
  const [id, at, account, address, category, cost, owner, now, token, writtenCounters, shares] = content;
  const counters: CounterSpec[] = writtenCounters.map(([name, quotas, account, cost]) => ({
    name,
    quotas: quotas.map(([limit, windowMs, slices]) => new Quota({ limit, windowMs, slices })),
    ...subjectOf(name),
    ...(typeof account === 'string' && { account }),
    ...(typeof cost === 'number' && { cost }),
  }));
  const resolution = { ...NO_LIMITS, counters };
  return {
    issue: { id, at },
    charge: {
      account: account ?? undefined,
      address: address ?? undefined,
      category,
      cost,
      owner,
      subjects: undefined,
      resolution,
      joined: shares && { parts: [], shares, observedShares: [] },
    },
    outcome: { allowed: true, now, used: [], resetAfterMs: [], retryAfterMs: 0, token },
  };
}

type Content = [
  id: string,
  issuedAt: number,
  account: string | null,
  address: string | null,
  category: string,
  cost: number,
  owner: string,
  now: number,
  token: unknown,
  counters: [
    name: string,
    quotas: [limit: number, windowMs: number, slices: number][],
    account?: string | null,
    cost?: number | null,
  ][],
  shares?: readonly number[],
];

function subjectOf(name: string): Pick<CounterSpec, 'subject'> {
  const subject = partsOfSubjectCounter(name)?.subject;
  return subject === undefined ? {} : { subject };
}

const VERSION = 'tollgate1';
const SIGNATURE_BYTES = 16;

function signatureOf(text: string, key: string): string {
  return createHmac('sha256', key).update(text).digest().subarray(0, SIGNATURE_BYTES).toString('base64url');
}
