import { CommanderError } from 'commander';
import { complain } from './answer.js';
import { DONE, type ExitCode, failureOf, NO, UNEXPECTED, WRONG_USAGE } from './exit-codes.js';
import { program } from './program.js';
import { shownText } from './words/index.js';

/** Runs the command that was typed. */
async function run(argv: readonly string[]): Promise<ExitCode> {
  try {
    await program().parseAsync(argv);
    return process.exitCode === NO ? NO : DONE;
  } catch (error) {
    // Commander has said by itself what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
    const { exitCode, message } = failureOf(error);
    // Of several lines, each is about something.
    for (const line of message.split('\n')) complain(shownText(line));
    return exitCode;
  }
}

// A reader that has seen enough ends the output, not the command, which may have more to do than to print.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    complain(failureOf(error).message);
    process.exit(UNEXPECTED);
  });
}
// What the limiter would warn of, the commands say themselves.
process.removeAllListeners('warning');

process.exitCode = await run(process.argv);
