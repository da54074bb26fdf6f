import type { UsageMinute } from '@tollgate/core/usage';
import type { Request } from './requests.js';

/** The minutes that a store must return for an account, from the list of all requests. */
export function minutesOf(requests: readonly Request[], account: string): UsageMinute[] {
  const own = requests.filter((request) => request.account === account);
  const keys = new Set(own.map(({ category, at }) => JSON.stringify([category, Math.floor(at / 60_000)])));
  const minutes = [...keys].map((key) => {
    const [category, minute] = JSON.parse(key) as [string, number];
    const within = own.filter((one) => one.category === category && Math.floor(one.at / 60_000) === minute);
    const bySecond = Array.from({ length: 60 }, (_, second) =>
      within.filter(({ at }) => Math.floor(at / 1000) % 60 === second),
    );
    return {
      category,
      minuteAt: minute * 60_000,
      admitted: within.filter(({ answer }) => answer !== 'refused').length,
      refused: within.filter(({ answer }) => answer === 'refused').length,
      wouldRefuse: within.filter(({ answer }) => answer === 'wouldRefuse').length,
      peakPerSecond: Math.max(...bySecond.map((requests) => requests.length)),
    };
  });
  return sorted(minutes);
}

export function sorted<M extends Pick<UsageMinute, 'category' | 'minuteAt'>>(minutes: readonly M[]): M[] {
  const key = ({ category, minuteAt }: M) => `${String(minuteAt).padStart(16)} ${category}`;
  return [...minutes].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}
