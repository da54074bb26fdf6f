import { program } from '../../packages/cli/dist/program.js';

type Command = ReturnType<typeof program>;

/** Every command without subcommands, with the words that call it. */
export function leaves(command: Command = program(), words: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[words.join(' '), command]];
  return command.commands.flatMap((child) => leaves(child as Command, [...words, child.name()]));
}
