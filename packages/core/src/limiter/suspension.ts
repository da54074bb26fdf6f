import { wallClock } from '../clock.js';
import type { AccountSources, Suspension } from '../policy/index.js';
import { warn } from '../warnings.js';

/**
 * Whether limiting is suspended, by the limiter itself or by an account source. Each change is also a process warning.
 */
export class Suspensions {
  /** `undefined` without sources, so that a charge has nothing to ask. */
  readonly #sources: AccountSources | undefined;
  readonly #onChange: (suspension: Suspension | undefined) => void;
  readonly #unsubscribe: () => void;
  #started = false;
  #own: Suspension | undefined;
  #reported: Suspension | undefined;

  /** `onChange` is not called before {@link start}. */
  constructor(sources: AccountSources, onChange: (suspension: Suspension | undefined) => void) {
    this.#sources = sources.isEmpty ? undefined : sources;
    this.#onChange = onChange;
    this.#unsubscribe = sources.onSuspension(() => this.#report());
  }

  get current(): Suspension | undefined {
    return this.#own ?? this.#sources?.suspension;
  }

  /** Reports a suspension that a source has had from the beginning. */
  start(): void {
    this.#started = true;
    this.#report();
  }

  suspend(why: { readonly by?: string; readonly reason?: string }): void {
    this.#own = { since: wallClock(), ...why };
    this.#report();
  }

  resume(): void {
    this.#own = undefined;
    this.#report();
  }

  stop(): void {
    this.#unsubscribe();
  }

  #report(): void {
    const { current } = this;
    if (!this.#started || current === this.#reported) return;
    warn('TOLLGATE_SUSPENDED', sentence(current));
    this.#reported = current;
    this.#onChange(current);
  }
}

function sentence(suspension: Suspension | undefined): string {
  if (suspension === undefined) return 'Rate limits are enforced again';
  const { by, reason } = suspension;
  const who = by === undefined ? '' : ` by ${oneLine(by)}`;
  const why = reason === undefined ? '' : `: ${oneLine(reason)}`;
  return `Rate limits are suspended${who}, and everyone is let through${why}`;
}

/** Names and reasons must not write lines or colours of their own into a log. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_SHOWN);
}

const LONGEST_SHOWN = 200;
