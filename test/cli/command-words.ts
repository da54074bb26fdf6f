import { program } from '../../packages/cli/dist/program.js';

type Command = ReturnType<typeof program>;

/** Every command that does something, by the words that it is called by. */
export function leaves(command: Command = program(), words: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[words.join(' '), command]];
  return command.commands.flatMap((child) => leaves(child as Command, [...words, child.name()]));
}
