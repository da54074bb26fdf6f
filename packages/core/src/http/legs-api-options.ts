import { checkOptions } from '../check.js';
import { legsApiPlace, legsApiPolicy, legsApiRoute } from '../policy/index.js';
import type { Paths } from './request-options.js';

/** How the Legs API shows account, category, and the leg or bridge. */
const LEGS_API_PATHS: Paths = { read: legsApiPlace, readRoute: legsApiRoute };

/**
 * The Legs API as options of an adapter: its policy, its accounts, its table of categories and its envelope, each
 * replaced by the option of that name if it is given. `Options` are those of the adapter.
 *
 * @throws TypeError `TOLLGATE_OPTION_TYPE` unless `options` is a plain object.
 */
export function legsApiOptions<Options extends object>(options: Partial<Options>): Options {
  const given = Object.entries(checkOptions('legsApi', options)).filter(([, option]) => option !== undefined);
  const own = Object.fromEntries(given);
  const policy = own['limiter'] === undefined && { policy: legsApiPolicy() };
  const account = own['charges'] === undefined && { account: 'account_sid' };
  return { ...account, paths: LEGS_API_PATHS, ...policy, ...own } as object as Options;
}
