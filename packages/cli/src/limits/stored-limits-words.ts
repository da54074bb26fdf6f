import type { StoredLimits } from '@tollgate/redis';
import type { Before } from '../redis/index.js';
import { alignedRows, layerRows, shownInstant, shownText } from '../words/index.js';

/** Limits with all that is known of them, over several lines. */
export function heldInWords({ layer, version, by, at }: StoredLimits): string {
  return `${alignedRows(layerRows(layer), '  ')}\n  ${provenance(version, at, by)}`;
}

export function beforeInWords(before: Exclude<Before, undefined>): string {
  return before === 'unreadable' ? '  something that cannot be read' : heldInWords(before);
}

function provenance(version: number, at: number, by: string | undefined): string {
  return `version ${version}, set at ${shownInstant(at)}${by === undefined ? '' : ` by ${shownText(by)}`}`;
}
