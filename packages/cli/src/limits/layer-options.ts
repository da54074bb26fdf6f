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
  readonly throttle?: string;
  readonly mode?: Mode;
}

/** Adds the options of {@link LayerOptions}. */
export function addLayerOptions(command: Command): Command {
  const others = ['quotas', 'category', 'total', 'throttle', 'mode'];
  return command
    .addOption(new Option('--from <file>', 'read them from a JSON or YAML file, or - for stdin').conflicts(others))
    .option('--quotas <list>', 'limits in every category without a list of its own')
    .option('--category <name=list>', 'limits in one category; may be repeated', (one, before: string[] = []) => [
      ...before,
      one,
    ])
    .option('--total <list>', 'limits over all categories together')
    .option('--throttle <rule>', `the effect of repeated violations: ${THROTTLE_FORM}, or off`)
    .addOption(
      new Option('--mode <mode>', 'whether limits are enforced, or only observed').choices(['enforce', 'observe']),
    );
}

/**
 * The layer of the options.
 *
 * @throws UsageError when an option cannot be read, or none is given.
 */
export function layerOf({ quotas, category, total, throttle, mode }: LayerOptions): Layer {
  const layer = {
    ...(quotas !== undefined && { quotas: parseQuotas(quotas, '--quotas') }),
    ...(category !== undefined && { categories: categoriesOf(category) }),
    ...(total !== undefined && { total: parseQuotas(total, '--total') }),
    ...(throttle !== undefined && { throttle: parseThrottle(throttle) }),
    ...(mode !== undefined && { mode }),
  };
  if (Object.keys(layer).length === 0) {
    throw new UsageError('Expected at least one of --quotas, --category, --total, --throttle, --mode and --from');
  }
  return layer;
}

/** A name may contain `=`, a list may not. */
function categoriesOf(all: readonly string[]): Record<string, QuotaList> {
  const categories = new Map<string, QuotaList>();
  for (const one of all) {
    const equals = one.lastIndexOf('=');
    if (equals < 1)
      throw new UsageError(`Expected --category to be NAME=LIST, such as legs=6000/minute, got ${JSON.stringify(one)}`);
    const name = parseName(one.slice(0, equals));
    if (categories.has(name)) throw new UsageError(`Expected each --category once, got ${JSON.stringify(name)} twice`);
    categories.set(name, parseQuotas(one.slice(equals + 1), `--category ${one.slice(0, equals)}`));
  }
  return Object.fromEntries(categories);
}
