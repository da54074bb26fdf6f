import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { RunningServer, until } from '../../redis-servers/standalone.js';
import { quiet } from './world.js';

/** Stands between a client and a server, and can lose what either sends. */
class LosingProxy {
  loses: 'nothing' | 'requests' | 'replies' | 'everything' = 'nothing';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((client) => {
      if (this.loses === 'everything') {
        client.destroy();
        return;
      }
      const server = connect(port, '127.0.0.1');
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          client.destroy();
          server.destroy();
          this.#sockets.delete(socket);
        });
      }
      client.on('data', (bytes) => this.loses !== 'requests' && server.write(bytes));
      server.on('data', (bytes) => this.loses !== 'replies' && client.write(bytes));
    });
  }

  static async to(port: number): Promise<LosingProxy> {
    const proxy = new LosingProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections, and every new one. */
  cut(): void {
    this.loses = 'everything';
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

it.each(['requests', 'replies'] as const)(
  'one process admits no more than the limit over an outage in which %s were lost',
  async (loses) => {
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const server = await RunningServer.start();
    const proxy = await LosingProxy.to(server.port);
    const client = quiet(new Redis(proxy.port, { retryStrategy: () => 50 }));
    const store = new RedisStore({ client, prefix: 'lost' });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(30)] }, store });
    onTestFinished(async () => {
      emitted.mockRestore();
      await limiter.close();
      await store.close();
      client.disconnect();
      proxy.close();
      await server.stop();
    });
    const charge = async (times: number) => {
      const charges = Array.from({ length: times }, () => limiter.consume({ account: 'ameyo5m', category: 'legs' }));
      const admitted = (await Promise.all(charges)).filter(({ allowed }) => allowed);
      return { admitted: admitted.length, sources: [...new Set(admitted.map(({ source }) => source))] };
    };

    await until('a connection', () => client.status === 'ready');
    expect(await charge(3)).toEqual({ admitted: 3, sources: ['store'] });
    proxy.loses = loses;
    expect(await charge(8)).toEqual({ admitted: 8, sources: ['local'] });
    proxy.cut();
    expect(await charge(10)).toEqual({ admitted: 10, sources: ['local'] });
    proxy.loses = 'nothing';
    await until('the write-back', () => {
      const { state, writeBack } = limiter.health();
      return state === 'up' && writeBack.pending === 0;
    });
    expect(await charge(30)).toEqual({ admitted: 30 - 3 - 8 - 10, sources: ['store'] });
  },
);
