import { RedisStore } from '@tollgate/redis';
import { describe, expect, it } from 'vitest';

const client = { call() {}, sendCommand() {}, status: 'ready', options: {}, isCluster: false };

describe('options', () => {
  it.each([
    [{}, 'TOLLGATE_OPTION_TYPE', 'client'],
    [{ client: 'redis://localhost' }, 'TOLLGATE_OPTION_TYPE', 'client'],
    [{ client, url: 'redis://localhost' }, 'TOLLGATE_OPTION_CONFLICT', 'client'],
    [{ url: 'http://localhost' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ url: 7 }, 'TOLLGATE_OPTION_TYPE', 'url'],
    [{ client, prefix: '' }, 'TOLLGATE_OPTION_RANGE', 'prefix'],
    [{ client, prefix: 'a{b' }, 'TOLLGATE_OPTION_RANGE', 'prefix'],
    [{ client, timeoutMs: 0 }, 'TOLLGATE_OPTION_RANGE', 'timeoutMs'],
    [{ client, timeoutMs: '100' }, 'TOLLGATE_OPTION_TYPE', 'timeoutMs'],
    [{ client, maxBatch: 1001 }, 'TOLLGATE_OPTION_RANGE', 'maxBatch'],
    [{ client, maxPending: 0 }, 'TOLLGATE_OPTION_RANGE', 'maxPending'],
    [{ client, denyCacheSize: -1 }, 'TOLLGATE_OPTION_RANGE', 'denyCacheSize'],
    [{ client, clock: 5 }, 'TOLLGATE_OPTION_TYPE', 'clock'],
    [{ client, keyPrefix: 'x' }, 'TOLLGATE_OPTION_UNKNOWN', 'keyPrefix'],
  ])('%# are refused by name', (options, code, name) => {
    let thrown: unknown;
    try {
      new RedisStore(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(new RegExp(`\`(RedisStore\\.)?${name}`)) });
  });

  it('a password in a URL is not repeated in an error', () => {
    expect(() => new RedisStore({ url: 'http://user:secret@host' })).toThrow(/^(?!.*secret)/);
  });
});
