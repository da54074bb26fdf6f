import { CommanderError } from 'commander';
import { DONE, type ExitCode, failureOf, NO, UNEXPECTED, WRONG_USAGE } from './exit-codes.js';
import { printError } from './output.js';
import { program } from './program.js';
import { shownText } from './safe-text.js';

/** Runs the command line. */
async function run(argv: readonly string[]): Promise<ExitCode> {
  try {
    await program().parseAsync(argv);
    return process.exitCode === NO ? NO : DONE;
  } catch (error) {
    // Commander has already printed what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
    const { exitCode, message } = failureOf(error);
    // Each line is a separate problem.
    for (const line of message.split('\n')) printError(shownText(line));
    return exitCode;
  }
}

// A reader that stops reading does not end the command, which may still have work to do.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    printError(failureOf(error).message);
    process.exit(UNEXPECTED);
  });
}
// The commands print what the limiter would warn of.
process.removeAllListeners('warning');

process.exitCode = await run(process.argv);
