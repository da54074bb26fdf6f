import { PolicyFileError, type PolicyProblem, parsePolicy } from '@tollgate/sources';
import type { Command } from 'commander';
import { type AnswerOptions, answer } from '../answer.js';
import { NO } from '../exit-codes.js';
import { shownText } from '../words/index.js';
import { contentsInWords, contentsOf } from './policy-contents.js';
import { readText, shownFile } from './policy-file.js';
import { quotedLine } from './quoted-line.js';

/** Adds `policy check`. */
export function addPolicyCheck(policy: Command): void {
  policy
    .command('check')
    .description('tell all that is wrong with a policy, or what is in it')
    .argument('<file>', 'the policy: JSON or YAML, or - for stdin')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Exits with 1 when something is wrong.

Examples:
  tollgate policy check policy.yaml
  tollgate policy check --json - < policy.json`,
    )
    .action(runCheck);
}

async function runCheck(typed: string, options: AnswerOptions): Promise<void> {
  const file = shownFile(typed);
  const text = await readText(typed);
  try {
    const contents = contentsOf(parsePolicy(text, { file }).options);
    answer(options, { file, valid: true, problems: [], contents }, () => {
      return `${shownText(file)} is a valid policy.\n${contentsInWords(contents)}`;
    });
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    const { problems } = error;
    process.exitCode = NO;
    answer(options, { file, valid: false, problems }, () => {
      const lines = text.split(/\r\n|[\r\n]/);
      return problems.map((problem) => problemInWords(file, problem, lines[problem.line - 1] ?? '')).join('\n\n');
    });
  }
}

function problemInWords(file: string, { message, line, column }: PolicyProblem, text: string): string {
  return `${shownText(`${file}:${line}:${column} ${message}`)}\n\n${quotedLine(text, line, column)}`;
}
