import { lstat, readlink } from 'node:fs/promises';
import { basename, dirname, join, parse, resolve, sep } from 'node:path';

/** A name in a directory that decides which file a path leads to. */
export interface Link {
  readonly path: string;
  readonly directory: string;
  /** Differs once the directory has been made anew. */
  readonly identity: string;
}

/**
 * The names that decide what a path leads to: the symbolic links on the way, and the file at its end, or else the first name
 * that is not there. A change of the file shows in one of their directories, however it is made.
 */
export async function chainOf(path: string): Promise<Link[]> {
  const chain: Link[] = [];
  const absolute = resolve(path);
  let { root: walked } = parse(absolute);
  let rest = absolute.slice(walked.length).split(sep);
  while (rest.length > 0 && chain.length < MAX_LINKS) {
    const next = join(walked, rest[0]!);
    const stats = await lstat(next).catch(() => undefined);
    const isLink = stats?.isSymbolicLink() ?? false;
    if (stats === undefined || isLink || rest.length === 1) chain.push(await linkOf(next));
    if (stats === undefined) break;
    rest = rest.slice(1);
    if (!isLink) {
      walked = next;
      continue;
    }
    const target = resolve(walked, await readlink(next).catch(() => '.'));
    ({ root: walked } = parse(target));
    rest = [...target.slice(walked.length).split(sep), ...rest].filter((name) => name !== '');
  }
  return chain;
}

/** Linux follows 40. */
const MAX_LINKS = 40;

async function linkOf(path: string): Promise<Link> {
  const directory = dirname(path);
  const stats = await lstat(directory).catch(() => undefined);
  return {
    path: join(directory, basename(path)),
    directory,
    identity: `${stats?.dev}:${stats?.ino}:${stats?.birthtimeMs}`,
  };
}
