import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { vi } from 'vitest';
import { rawFetch } from './contract/http/raw.js';
import { collectWarnings } from './warnings.js';

/** A server answers one request to the path, and another a minute later. Returns the warnings of Tollgate. */
export async function aMinuteOf(server: Server, path: string): Promise<readonly string[]> {
  const warnings = collectWarnings();
  const begin = performance.now();
  const clock = vi.spyOn(performance, 'now');
  try {
    for (const instant of [begin, begin + 60_000]) {
      clock.mockReturnValue(instant);
      // The client may have the answer before the server has finished it.
      const request = once(server, 'request');
      const answer = rawFetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, path);
      const [, response] = (await request) as [unknown, ServerResponse];
      if (!response.writableFinished) await once(response, 'finish');
      await answer;
    }
  } finally {
    clock.mockRestore();
  }
  return warnings();
}
