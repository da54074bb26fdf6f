import type { ParsedPolicy, PolicyFileError, PolicyProblem } from '@tollgate/sources';
import type { Command } from 'commander';
import { NO } from '../exit-codes.js';
import { type OutputOptions, printResult } from '../output.js';
import { shownText } from '../words/index.js';
import { contentsInWords, contentsOf } from './policy-contents.js';
import { asPolicyFileError, loadSources, readText, shownFile } from './policy-file.js';

/** Adds `policy check`. */
export function addPolicyCheck(policy: Command): void {
  policy
    .command('check')
    .description('list the problems of a policy, or its contents')
    .argument('<file>', 'the policy: JSON or YAML, or - for stdin')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Exits with 1 when the policy has problems. A layer that removes a limit is a warning, unless it
says replace: true.

Examples:
  tollgate policy check policy.yaml
  tollgate policy check --json - < policy.json`,
    )
    .action(runCheck);
}

async function runCheck(typed: string, options: OutputOptions): Promise<void> {
  const file = shownFile(typed);
  const [text, { parsePolicy }] = await Promise.all([readText(typed), loadSources()]);
  let parsed: ParsedPolicy;
  try {
    parsed = parsePolicy(text, { file });
  } catch (error) {
    const problems = asPolicyFileError(error);
    if (problems === undefined) throw error;
    process.exitCode = NO;
    printProblems(file, text, problems, options);
    return;
  }
  const contents = contentsOf(parsed.options);
  const warnings = parsed.policy.removedLimits.map(({ option, message }) => {
    const { line, column } = parsed.positionOf(option) ?? { line: 1, column: 1 };
    return { message, option, line, column };
  });
  printResult(options, { file, valid: true, problems: [], warnings, contents }, () => {
    const valid = `${shownText(file)} is a valid policy.\n${contentsInWords(contents)}`;
    if (warnings.length === 0) return valid;
    const shown = warnings.slice(0, MAX_WARNINGS).map((warning) => problemInWords(file, warning));
    const more = warnings.length - shown.length;
    return `${valid}\n\nWarnings:\n${shown.join('\n')}${more > 0 ? `\nand ${more} more` : ''}`;
  });
}

/** Many accounts may have the same mistake. */
const MAX_WARNINGS = 50;

function printProblems(
  file: string,
  text: string,
  { problems, mayBeQuoted }: PolicyFileError,
  options: OutputOptions,
): void {
  printResult(options, { file, valid: false, problems }, () => {
    const lines = text.split(/\r\n|[\r\n]/);
    return problems
      .map((problem) => {
        const words = problemInWords(file, problem);
        const { line, column } = problem;
        return mayBeQuoted ? `${words}\n\n${quotedLine(lines[line - 1] ?? '', line, column)}` : words;
      })
      .join('\n\n');
  });
}

function problemInWords(file: string, { message, line, column }: PolicyProblem): string {
  return shownText(`${file}:${line}:${column} ${message}`);
}

/** A line of the file with its number, and a caret below the column. */
function quotedLine(text: string, line: number, column: number): string {
  const from = Math.max(0, column - 1 - SHOWN_AROUND);
  const to = column - 1 + SHOWN_AROUND;
  const cut = (start: number, end: number) => shownText(text.slice(start, end).replaceAll('\t', ' '));
  const before = `${from > 0 ? '…' : ''}${cut(from, column - 1)}`;
  const after = `${cut(column - 1, to)}${text.length > to ? '…' : ''}`;
  const gutter = `${line} | `;
  return `${gutter}${before}${after}\n${' '.repeat(gutter.length - 2)}| ${' '.repeat([...before].length)}^`;
}

/** The UTF-16 units of a long line that are shown on each side of the column. */
const SHOWN_AROUND = 60;
