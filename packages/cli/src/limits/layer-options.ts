import type { Layer, Mode, QuotaList } from '@tollgate/core';
import { type Command, Option } from 'commander';
import { UsageError } from '../exit-codes.js';
import { parseName, parseQuotas, parseThrottle, THROTTLE_FORM } from '../words/index.js';

/** The layer of an account, as typed. */
export interface LayerOptions {
  readonly from?: string;
  readonly quotas?: string;
  readonly category?: readonly string[];
  readonly total?: string;
  readonly each?: readonly string[];
  readonly blocked?: boolean;
  readonly until?: string;
  readonly throttle?: string;
  readonly mode?: Mode;
}

/** Adds the options of {@link LayerOptions}. */
export function addLayerOptions(command: Command): Command {
  const others = ['quotas', 'category', 'total', 'each', 'throttle', 'mode', 'blocked', 'until'];
  return command
    .addOption(new Option('--from <file>', 'read them from a JSON or YAML file, or - for stdin').conflicts(others))
    .option('--quotas <list>', 'limits in every category without a list of its own')
    .option('--category <name=list>', 'limits in one category; may be repeated', listed)
    .option('--total <list>', 'limits over all categories together')
    .option('--each <kind=list>', 'limits of each subject of a kind, such as a key; may be repeated', listed)
    .option('--blocked', 'refuse every request of the account')
    .option('--no-blocked', 'lift a block of the account by the policy')
    .option('--until <instant>', 'when the block ends, such as 2026-12-31T18:00:00Z (default: it has no end)')
    .option('--throttle <rule>', `the effect of repeated violations: ${THROTTLE_FORM}, or off`)
    .addOption(
      new Option('--mode <mode>', 'whether limits are enforced, or only observed').choices(['enforce', 'observe']),
    );
}

function listed(one: string, before: readonly string[] = []): string[] {
  return [...before, one];
}

/**
 * The layer of the options.
 *
 * @throws UsageError when an option cannot be read, or none is given.
 */
export function layerOf({ quotas, category, total, each, throttle, mode, blocked, until }: LayerOptions): Layer {
  const layer = {
    ...blockOf(blocked, until),
    ...(quotas !== undefined && { quotas: parseQuotas(quotas, '--quotas') }),
    ...(category !== undefined && { categories: listsOf('--category', 'legs', category) }),
    ...(total !== undefined && { total: parseQuotas(total, '--total') }),
    ...(each !== undefined && { each: listsOf('--each', 'key', each) }),
    ...(throttle !== undefined && { throttle: parseThrottle(throttle) }),
    ...(mode !== undefined && { mode }),
  };
  if (Object.keys(layer).length === 0) {
    throw new UsageError(
      'Expected at least one of --quotas, --category, --total, --each, --throttle, --mode, --blocked and --from',
    );
  }
  return layer;
}

/** Core checks the instant. */
function blockOf(blocked: boolean | undefined, until: string | undefined): Pick<Layer, 'blocked'> {
  if (until === undefined) return blocked === undefined ? {} : { blocked };
  if (!blocked) throw new UsageError('Expected --until together with --blocked');
  if (Date.parse(until) <= Date.now()) throw new UsageError(`Expected --until to be in the future, got ${until}`);
  return { blocked: { until } };
}

/** A name may contain `=`, a list may not. */
function listsOf(option: string, example: string, all: readonly string[]): Record<string, QuotaList> {
  const lists = new Map<string, QuotaList>();
  for (const one of all) {
    const equals = one.lastIndexOf('=');
    if (equals < 1)
      throw new UsageError(
        `Expected ${option} to be NAME=LIST, such as ${example}=6000/minute, got ${JSON.stringify(one)}`,
      );
    const name = parseName(one.slice(0, equals));
    if (lists.has(name)) throw new UsageError(`Expected each ${option} once, got ${JSON.stringify(name)} twice`);
    lists.set(name, parseQuotas(one.slice(equals + 1), `${option} ${one.slice(0, equals)}`));
  }
  return Object.fromEntries(lists);
}
