import { PolicyFileError, type PolicyProblem, parsePolicy } from '@tollgate/sources';
import type { Command } from 'commander';
import { NO } from '../exit-codes.js';
import { type OutputOptions, printResult } from '../output.js';
import { shownText } from '../words/index.js';
import { contentsInWords, contentsOf } from './policy-contents.js';
import { readText, shownFile } from './policy-file.js';

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
Exits with 1 when the policy has problems.

Examples:
  tollgate policy check policy.yaml
  tollgate policy check --json - < policy.json`,
    )
    .action(runCheck);
}

async function runCheck(typed: string, options: OutputOptions): Promise<void> {
  const file = shownFile(typed);
  const text = await readText(typed);
  try {
    const contents = contentsOf(parsePolicy(text, { file }).options);
    printResult(options, { file, valid: true, problems: [], contents }, () => {
      return `${shownText(file)} is a valid policy.\n${contentsInWords(contents)}`;
    });
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    const { problems } = error;
    process.exitCode = NO;
    printResult(options, { file, valid: false, problems }, () => {
      const lines = text.split(/\r\n|[\r\n]/);
      return problems.map((problem) => problemInWords(file, problem, lines[problem.line - 1] ?? '')).join('\n\n');
    });
  }
}

function problemInWords(file: string, { message, line, column }: PolicyProblem, text: string): string {
  return `${shownText(`${file}:${line}:${column} ${message}`)}\n\n${quotedLine(text, line, column)}`;
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
