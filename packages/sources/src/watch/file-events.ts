import { basename } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { chainOf, type Link } from './file-chain.js';

/** Signs that what a path leads to may have changed. None of them is sure to come, and many may come of one change. */
export class FileEvents {
  readonly #path: string;
  readonly #onSign: () => void;
  #watcher: FSWatcher | undefined;
  #watched = '';
  #warned = false;
  #closed = false;

  constructor(path: string, onSign: () => void) {
    this.#path = path;
    this.#onSign = onSign;
  }

  /** Watches where the path leads now. To be called again whenever that may be elsewhere. */
  async follow(): Promise<void> {
    const chain = await chainOf(this.#path);
    const watched = JSON.stringify(chain);
    if (this.#closed || watched === this.#watched) return;
    this.#watched = watched;
    const before = this.#watcher;
    const names = new Set(chain.flatMap(({ path, directory }) => [basename(path), basename(directory)]));
    this.#watcher = watcherOf(chain)
      // Of changes that follow closely, chokidar tells the first alone; what it hears itself is `raw`, of the neighbours too.
      .on('raw', (_event, name: string | null) => {
        if (name === null || names.has(basename(name))) this.#onSign();
      })
      .on('all', this.#onSign)
      .on('ready', this.#onSign)
      .on('error', (error) => this.#warn(error));
    await before?.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watcher?.close();
  }

  /** Too many files are watched on this machine, say. */
  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(`${this.#path} cannot be watched, and is only read from time to time: ${String(error)}`);
  }
}

function watcherOf(chain: readonly Link[]): FSWatcher {
  const paths = new Set(chain.flatMap(({ path, directory }) => [path, directory]));
  return watch([...new Set(chain.map(({ directory }) => directory))], {
    persistent: false,
    ignoreInitial: true,
    followSymlinks: false,
    depth: 0,
    ignored: (path) => !paths.has(path),
  });
}
