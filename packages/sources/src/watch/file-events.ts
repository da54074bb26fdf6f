import { lstat, readlink } from 'node:fs/promises';
import { basename, dirname, join, parse, resolve, sep } from 'node:path';
import type { FSWatcher } from 'chokidar';

/**
 * Calls back when the file at a path may have changed. A change may cause many calls, or none: some file systems report
 * nothing.
 */
export class FileEvents {
  readonly #path: string;
  readonly #onEvent: () => void;
  #watcher: FSWatcher | undefined;
  #watched = '';
  #warned = false;
  #closed = false;

  constructor(path: string, onEvent: () => void) {
    this.#path = path;
    this.#onEvent = onEvent;
  }

  /** Watches the file that the path leads to now. Call it again whenever a link on the way may have changed. */
  async follow(): Promise<void> {
    const links = await linksOf(this.#path);
    const watched = JSON.stringify(links);
    if (this.#closed || watched === this.#watched) return;
    this.#watched = watched;
    // Loaded here, since it takes as long as the rest of the package, and most programs watch no file.
    const { watch } = await import('chokidar');
    if (this.#closed) return;
    const before = this.#watcher;
    const names = new Set(links.flatMap(({ path, directory }) => [basename(path), basename(directory)]));
    this.#watcher = watcherOf(watch, links)
      // chokidar drops all but the first of changes that follow closely. Its `raw` events have them all, and those of
      // neighbouring files too.
      .on('raw', (_event, name: string | null) => {
        if (name === null || names.has(basename(name))) this.#onEvent();
      })
      .on('all', this.#onEvent)
      .on('ready', this.#onEvent)
      .on('error', (error) => this.#warn(error));
    await before?.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watcher?.close();
  }

  /** For example when the system watches too many files already. */
  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(`${this.#path} cannot be watched, and is only read from time to time: ${String(error)}`);
  }
}

function watcherOf(watch: typeof import('chokidar').watch, links: readonly Link[]): FSWatcher {
  const paths = new Set(links.flatMap(({ path, directory }) => [path, directory]));
  return watch([...new Set(links.map(({ directory }) => directory))], {
    persistent: false,
    ignoreInitial: true,
    followSymlinks: false,
    depth: 0,
    ignored: (path) => !paths.has(path),
  });
}

/** An entry of a directory that decides which file a path leads to. */
interface Link {
  readonly path: string;
  readonly directory: string;
  /** Changes when the directory is replaced by another one of the same name. */
  readonly identity: string;
}

/**
 * The entries that decide which file a path leads to: the symbolic links on the way, then the file, or the first entry
 * that does not exist. Any change of the file shows in one of their directories.
 */
async function linksOf(path: string): Promise<Link[]> {
  const links: Link[] = [];
  const absolute = resolve(path);
  let { root: walked } = parse(absolute);
  let rest = absolute.slice(walked.length).split(sep);
  while (rest.length > 0 && links.length < MAX_LINKS) {
    const next = join(walked, rest[0]!);
    const stats = await lstat(next).catch(() => undefined);
    const isLink = stats?.isSymbolicLink() ?? false;
    if (stats === undefined || isLink || rest.length === 1) links.push(await linkOf(next));
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
  return links;
}

/** As many as Linux follows. */
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
