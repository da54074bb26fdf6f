import { Command } from 'commander';
import { complain } from './answer.js';
import { addCounterCommands } from './counters/index.js';
import { addLimitsCommands } from './limits/index.js';
import { addPolicyCommands } from './policy/index.js';
import { addTopCommand } from './top/index.js';
import { addUsageCommand } from './usage/index.js';
import { version } from './version.js';
import { shownText } from './words/index.js';

/** The command and all that can be typed after it. */
export function program(): Command {
  const program = new Command('tollgate')
    .description(
      'Checks and explains rate limit policies, provisions limits of single accounts on Redis, looks into counters and usage.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: complainInOneLine })
    .addHelpText('afterAll', EXIT_CODES);
  addPolicyCommands(program);
  addLimitsCommands(program);
  addCounterCommands(program);
  addUsageCommand(program);
  addTopCommand(program);
  return program;
}

const EXIT_CODES = `
Exit codes:
  0  done
  1  the answer is no: a policy has problems, an account has no limits here, their
     version is another one, a request would be refused, no usage is known
  2  what was typed makes no sense, or a file cannot be read
  3  Redis cannot be reached, or failed
 70  something else went wrong`;

/** A suggestion comes on a line of its own. */
function complainInOneLine(message: string): void {
  complain(
    shownText(
      message
        .replace(/^error: /, '')
        .trim()
        .replaceAll('\n', ' '),
    ),
  );
}
