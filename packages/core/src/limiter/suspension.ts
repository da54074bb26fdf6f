import { wallClock } from '../clock.js';
import type { AccountSources, Suspension } from '../policy/index.js';

/** Whether limiting is suspended, by the limiter itself or by one of its sources, and the noise that this has to make. */
export class Suspensions {
  readonly #sources: AccountSources;
  readonly #changed: (suspension: Suspension | undefined) => void;
  readonly #stop: () => void;
  #own: Suspension | undefined;
  #told: Suspension | undefined;

  constructor(sources: AccountSources, changed: (suspension: Suspension | undefined) => void) {
    this.#sources = sources;
    this.#changed = changed;
    this.#stop = sources.onSuspension(() => this.#tell());
    this.#tell();
  }

  get current(): Suspension | undefined {
    return this.#own ?? (this.#sources.isEmpty ? undefined : this.#sources.suspension);
  }

  suspend(why: { readonly by?: string; readonly reason?: string }): void {
    this.#own = { since: wallClock(), ...why };
    this.#tell();
  }

  resume(): void {
    this.#own = undefined;
    this.#tell();
  }

  stop(): void {
    this.#stop();
  }

  #tell(): void {
    const { current } = this;
    if (current === this.#told) return;
    process.emitWarning(sentence(current), { code: WARNING });
    this.#told = current;
    this.#changed(current);
  }
}

const WARNING = 'TOLLGATE_SUSPENDED';

function sentence(suspension: Suspension | undefined): string {
  if (suspension === undefined) return 'Rate limits are enforced again';
  const { by, reason } = suspension;
  const who = by === undefined ? '' : ` by ${oneLine(by)}`;
  const why = reason === undefined ? '' : `: ${oneLine(reason)}`;
  return `Rate limits are suspended${who}, and everyone is let through${why}`;
}

/** Whoever suspends must not write lines or colours of their own into a log. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_SHOWN);
}

const LONGEST_SHOWN = 200;
