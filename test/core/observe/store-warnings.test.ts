import { MemoryStore, type Outcome, RateLimiter, type Store, StoreError } from '@tollgate/core';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

/** A store that answers with promises, and rejects with `failure` while that is set. */
class RemoteStore implements Store {
  failure: StoreError | undefined;
  readonly #memory = new MemoryStore();

  consume(...args: Parameters<Store['consume']>): Promise<Outcome> {
    return this.#answer(() => this.#memory.consume(...args));
  }

  peek(...args: Parameters<Store['peek']>): Promise<Outcome> {
    return this.#answer(() => this.#memory.peek(...args));
  }

  refund(...args: Parameters<Store['refund']>): Promise<void> {
    return this.#answer(() => this.#memory.refund(...(args as Parameters<MemoryStore['refund']>)));
  }

  reset(...args: Parameters<Store['reset']>): Promise<void> {
    return this.#answer(() => this.#memory.reset(...args));
  }

  close(): void {
    this.#memory.close();
  }

  async #answer<T>(answer: () => T): Promise<T> {
    if (this.failure !== undefined) throw this.failure;
    return answer();
  }
}

function refused(port: number): StoreError {
  const cause = Object.assign(new Error(`connect ECONNREFUSED 127.0.0.1:${port}`), { code: 'ECONNREFUSED' });
  return new StoreError('Redis could not take the charge', { charged: 'no', cause });
}

describe('a store that fails', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
  });

  function world() {
    const store = new RemoteStore();
    const limiter = new RateLimiter({ name: 'calls', policy: { quotas: [{ limit: 100, windowMs: 60_000 }] }, store });
    const emitted: unknown[][] = [];
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => void emitted.push(args));
    onTestFinished(() => {
      spy.mockRestore();
      limiter.close();
    });
    const fail = async (error: StoreError) => {
      store.failure = error;
      for (let failures = 0; failures < 5; failures++) await limiter.consume({ account: 'acme', category: 'legs' });
    };
    const recover = async () => {
      store.failure = undefined;
      await vi.advanceTimersByTimeAsync(2500);
    };
    const codes = () => emitted.map(([, options]) => (options as { readonly code: string }).code);
    return { codes, emitted, fail, limiter, recover };
  }

  it('is reported once, with the cause, the type, a code and the address of its page', async () => {
    const { emitted, fail } = world();
    await fail(refused(1));
    await fail(refused(2));
    expect(emitted).toEqual([
      [
        'The store of the limiter calls failed: connect ECONNREFUSED 127.0.0.1:1. ' +
          'Requests are decided without it until it answers',
        { type: 'TollgateWarning', code: 'TOLLGATE_STORE_DOWN', detail: 'See docs/is-it-on.md#tollgate_store_down' },
      ],
    ]);
  });

  it('is reported when it answers again', async () => {
    const { codes, emitted, fail, recover } = world();
    await fail(refused(1));
    await recover();
    expect(codes()).toEqual(['TOLLGATE_STORE_DOWN', 'TOLLGATE_STORE_UP']);
    expect(emitted[1]![0]).toBe('The store of the limiter calls answers again');
  });

  it('is not reported to answer again when the program has closed it', async () => {
    const { codes, fail, limiter } = world();
    await fail(refused(1));
    const closed = Object.assign(new Error('RedisStore was used after close()'), { code: 'TOLLGATE_CLOSED' });
    await fail(closed as never);
    await vi.advanceTimersByTimeAsync(5000);
    expect(codes()).toEqual(['TOLLGATE_STORE_DOWN']);
    const charge = { account: 'acme', category: 'legs' };
    await expect(async () => limiter.consume(charge)).rejects.toThrow('used after close()');
  });

  it('is not reported twice in a minute for one cause, but is for another', async () => {
    const { codes, fail, recover } = world();
    await fail(refused(1));
    await recover();
    await fail(refused(1));
    await recover();
    expect(codes()).toEqual(['TOLLGATE_STORE_DOWN', 'TOLLGATE_STORE_UP']);
    await fail(refused(2));
    await recover();
    expect(codes().slice(2)).toEqual(['TOLLGATE_STORE_DOWN', 'TOLLGATE_STORE_UP']);
    await vi.advanceTimersByTimeAsync(60_000);
    await fail(refused(2));
    expect(codes()).toHaveLength(5);
  });

  it('shows the cause in health()', async () => {
    const { fail, limiter } = world();
    await fail(refused(1));
    expect(limiter.health().shards).toMatchObject([
      { lastError: 'Redis could not take the charge', cause: 'connect ECONNREFUSED 127.0.0.1:1' },
    ]);
  });

  it('cannot write lines or colours of its own into a log', async () => {
    const { emitted, fail } = world();
    await fail(new StoreError('a\nb\u001b[31mc', { charged: 'no' }));
    expect(emitted[0]![0]).toContain('failed: a b [31mc.');
  });
});
