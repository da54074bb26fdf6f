import type { Layer, Mode, QuotaList } from '@tollgate/core';
import { type Command, Option } from 'commander';
import { UsageError } from '../exit-codes.js';
import { parseName, parseQuotas, parseThrottle, THROTTLE_FORM } from '../words/index.js';

/** What holds for an account, as it was typed. */
export interface LayerOptions {
  readonly from?: string;
  readonly quotas?: string;
  readonly category?: readonly string[];
  readonly total?: string;
  readonly throttle?: string;
  readonly mode?: Mode;
}

/** Gives a command the options that say what holds for an account. */
export function addLayerOptions(command: Command): Command {
  const said = ['quotas', 'category', 'total', 'throttle', 'mode'];
  return command
    .addOption(new Option('--from <file>', 'take them from a JSON or YAML file, or - for stdin').conflicts(said))
    .option('--quotas <list>', 'what holds in every category without a list of its own')
    .option('--category <name=list>', 'what holds in one category; may be repeated', (one, before: string[] = []) => [
      ...before,
      one,
    ])
    .option('--total <list>', 'what holds over all categories together')
    .option('--throttle <rule>', `what repeated violations lead to: ${THROTTLE_FORM}, or off`)
    .addOption(
      new Option('--mode <mode>', 'whether limits are enforced, or only observed').choices(['enforce', 'observe']),
    );
}

/**
 * The layer that the options say.
 *
 * @throws UsageError when one of them cannot be read, or none was given.
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
    throw new UsageError('Say what is to hold: --quotas, --category, --total, --throttle, --mode, or --from a file');
  }
  return layer;
}

/** A list has no `=`, a name may have some. */
function categoriesOf(all: readonly string[]): Record<string, QuotaList> {
  const categories = new Map<string, QuotaList>();
  for (const one of all) {
    const at = one.lastIndexOf('=');
    if (at < 1)
      throw new UsageError(`Expected --category to be NAME=LIST, such as legs=6000/minute, got ${JSON.stringify(one)}`);
    const name = parseName(one.slice(0, at));
    if (categories.has(name)) throw new UsageError(`Expected each --category once, got ${JSON.stringify(name)} twice`);
    categories.set(name, parseQuotas(one.slice(at + 1), `--category ${one.slice(0, at)}`));
  }
  return Object.fromEntries(categories);
}
