import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program lies: on the path, or where systems keep programs that are not on everyone's. */
export function onPath(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}
