import { once } from 'node:events';
import { createServer, get, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MountWatch } from '@tollgate/core/http';
import { afterEach, describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(): Promise<Server> {
  const server = createServer((_request, response) => void response.end());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function ask(server: Server): Promise<void> {
  // The client may have the answer before the server has finished it.
  const received = once(server, 'request');
  const request = get({ port: (server.address() as AddressInfo).port, agent: false });
  const answered = once(request, 'response');
  const [, sent] = (await received) as [unknown, ServerResponse];
  if (!sent.writableFinished) await once(sent, 'finish');
  const [response] = await answered;
  response.resume();
}

describe('MountWatch', () => {
  it('reports a limiter without a decision after the first minute in which its server answered', async () => {
    const warnings = collectWarnings();
    let now = 5_000_000;
    const watch = new MountWatch(() => now);
    const [mounted, other] = [await serve(), await serve()];
    const limiter = `watched ${Math.random()}`;
    const unwatch = watch.add(limiter, ({ server }) => server === mounted);
    now += 3_600_000;
    await ask(other);
    await ask(mounted);
    now += 59_999;
    await ask(mounted);
    expect(await warnings()).toEqual([]);
    now += 1;
    await ask(other);
    expect(await warnings()).toEqual([]);
    await ask(mounted);
    await ask(mounted);
    expect(await warnings()).toEqual([
      expect.stringContaining(`TOLLGATE_NOTHING_DECIDED The limiter ${limiter} is mounted and has decided none of the`),
    ]);
    unwatch();
  });

  it('reports nothing for a limiter that was asked, or whose server answers nothing', async () => {
    const warnings = collectWarnings();
    let now = 0;
    const watch = new MountWatch(() => now);
    const [asked, idle] = [await serve(), await serve()];
    const unwatch = watch.add(`asked ${Math.random()}`, ({ server }) => server === asked);
    const end = watch.add(`idle ${Math.random()}`, ({ server }) => server === idle);
    await ask(asked);
    unwatch();
    now += 600_000;
    await ask(asked);
    expect(await warnings()).toEqual([]);
    end();
  });
});
