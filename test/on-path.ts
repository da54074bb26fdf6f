import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Finds a program on the path, or in the folders of system programs, which not every path has. */
export function onPath(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}
