import { styleText } from 'node:util';
import { identityOf, type UsageNearest, type UsageRefused, type UsageTop } from '@tollgate/core/usage';
import {
  clipped,
  countedDuration,
  countInWords,
  padded,
  shareInWords,
  shownCategory,
  shownName,
  shownText,
  widthOf,
} from '../words/index.js';

export interface FrameOptions {
  /** The width of the terminal. `undefined`: lines may have any length. */
  readonly columns?: number | undefined;
  /** The most accounts in each list. */
  readonly rows: number;
  readonly isColored: boolean;
  /** The server, without secrets. */
  readonly server: string;
  /** Lines at the top, in red. */
  readonly alarms: readonly string[];
}

/** The lines of a frame: who is nearest to the limits, and who is refused most. */
export function topFrame(top: UsageTop | undefined, options: FrameOptions): string[] {
  const { alarms, server, columns, rows, isColored } = options;
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    // The caller has checked whether its stream shows colours.
    isColored ? styleText(format, text, { validateStream: false }) : text;
  const fit = (line: string) => (columns === undefined ? line : clipped(line, columns));
  const lines = [paint('bold', fit(`tollgate top  ${shownText(server)}`))];
  for (const alarm of alarms) lines.push(paint(['bold', 'red'], fit(shownText(alarm))));
  if (top === undefined) return lines;
  lines.push(fit(`Since ${timeOf(top.from)} UTC, as of ${timeOf(top.at)}`));

  const nearest = top.nearest.slice(0, rows);
  const refused = top.refused.slice(0, rows);
  lines.push('', paint('bold', fit('Nearest their limits')));
  lines.push(
    ...table(NEAREST_HEADS, nearest.map(nearestRow), columns, (line, index) => paint(hueOf(nearest[index]!), line)),
  );
  lines.push('', paint('bold', fit('Refused most')));
  lines.push(...table(REFUSED_HEADS, refused.map(refusedRow), columns, (line) => line));
  return lines;
}

/** The lines of a frame without accounts: the first two lines, two empty lines, two titles and two heads. */
export const FRAME_LINES = 8;

/** As many rows as Redis returns at once. */
export const MAX_ROWS = 100;

/** Usage has accounts and addresses. Subjects and the service have no usage of their own. */
const NEAREST_HEADS = ['full', '', 'used', 'limit', 'party', 'name', 'category'];
const REFUSED_HEADS = ['refused', 'share', 'admitted', '', 'party', 'name', 'category'];
/** The first column of text. */
const PARTY = 4;

function nearestRow({ account, category, share, used, limit, windowMs }: UsageNearest): string[] {
  const filled = Math.min(BAR_LENGTH, Math.floor(share * BAR_LENGTH));
  const bar = '█'.repeat(filled).padEnd(BAR_LENGTH, '·');
  const quota = `${countInWords(limit)} / ${countedDuration(windowMs)}`;
  return [
    `${Math.floor(share * 100)} %`,
    bar,
    countInWords(used),
    quota,
    ...shownIdentity(account),
    shownCategory(category),
  ];
}

function refusedRow({ account, category, refused, admitted }: UsageRefused): string[] {
  const share = shareInWords(refused / (refused + admitted));
  return [countInWords(refused), share, countInWords(admitted), '', ...shownIdentity(account), shownCategory(category)];
}

const BAR_LENGTH = 10;

/** Whether it is an account or an address, and its name. */
function shownIdentity(stored: string): [party: string, name: string] {
  const { account, address = '', limiter } = identityOf(stored);
  const name = shownName(account ?? address);
  return [account === undefined ? 'address' : 'account', limiter === undefined ? name : `${name} (limiter ${limiter})`];
}

function hueOf({ share }: UsageNearest): 'red' | 'yellow' | 'reset' {
  if (share >= 1) return 'red';
  return share >= NEAR ? 'yellow' : 'reset';
}

const NEAR = 0.8;

/** The last two columns are names. They are cut where there is no room. */
function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined,
  paint: (line: string, index: number) => string,
): string[] {
  if (rows.length === 0) return ['  none'];
  const all = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => widthOf(row[column]!))));
  const [name, category] = [widths.length - 2, widths.length - 1];
  if (columns !== undefined) {
    const fixed = widths.slice(0, name).reduce((sum, width) => sum + width + 2, 0);
    const room = Math.max(2, columns - fixed - 2);
    // The category gets what the name leaves, and at least a third.
    widths[category] = Math.min(widths[category]!, Math.max(Math.floor(room / 3), room - widths[name]!));
    widths[name] = Math.min(widths[name]!, room - widths[category]!);
  }
  const lineOf = (row: readonly string[]) => {
    const cells = row.map((cell, column) => {
      const text = clipped(cell, widths[column]!);
      return column < PARTY && !/[█·]/.test(text)
        ? padded(text, widths[column]!, 'start')
        : padded(text, widths[column]!);
    });
    const line = cells.join('  ').trimEnd();
    return columns === undefined ? line : clipped(line, columns);
  };
  return [lineOf(heads), ...rows.map((row, index) => paint(lineOf(row), index))];
}

function timeOf(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
