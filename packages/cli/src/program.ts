import { Command } from 'commander';
import { addCounterCommands } from './counters/index.js';
import { addLimitsCommands } from './limits/index.js';
import { printError } from './output.js';
import { addPolicyCheck, addPolicyExplain } from './policy/index.js';
import { shownText } from './safe-text.js';
import { addTopCommand } from './top/index.js';
import { addUsageCommand } from './usage/index.js';
import { version } from './version.js';

/** The command with all its subcommands. */
export function program(): Command {
  const program = new Command('tollgate')
    .description(
      'Checks and explains rate limit policies, sets limits of single accounts on Redis, shows counters and usage.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: printErrorInOneLine })
    .addHelpText('afterAll', EXIT_CODES);
  const policy = program.command('policy').helpCommand(false).description('policies in files');
  addPolicyCheck(policy);
  addPolicyExplain(policy);
  addLimitsCommands(program);
  addCounterCommands(program);
  addUsageCommand(program);
  addTopCommand(program);
  return program;
}

const EXIT_CODES = `
Exit codes:
  0  done
  1  the answer is no: a policy has problems, an account has no limits on Redis, its
     limits have another version, a request would be refused, or no usage is known
  2  the command line is not valid, or a file cannot be read
  3  Redis cannot be reached, or failed
 70  something else went wrong`;

/** Commander puts a suggestion on a line of its own. */
function printErrorInOneLine(message: string): void {
  printError(
    shownText(
      message
        .replace(/^error: /, '')
        .trim()
        .replaceAll('\n', ' '),
    ),
  );
}
