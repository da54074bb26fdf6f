import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { perMinute, RateLimiter } from '@tollgate/core';
import { Corrections } from '@tollgate/core/http';
import { expect, it } from 'vitest';

type Step = 'finish' | 'close' | 'error' | 'socket';

const STEPS: readonly Step[] = ['finish', 'close', 'error', 'socket'];

/** Every order of some of the steps, and each step twice. */
const orders = (left: readonly Step[]): Step[][] => [
  [],
  ...left.flatMap((step) => orders(left.filter((one) => one !== step)).map((rest) => [step, step, ...rest])),
];

it.each([true, false])(
  'whatever the order of events, a charge is corrected at most once; pipelined: %s',
  async (pipelined) => {
    for (const order of orders(STEPS)) {
      const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] } });
      const asked: string[] = [];
      const corrections = new Corrections<string>(limiter, {
        costAfter: (request, status) => {
          asked.push(`${request} ${status}`);
          return 3;
        },
        costWhenAborted: (request) => {
          asked.push(`${request} aborted`);
          return 7;
        },
      });
      const socket = new Socket();
      const response = new ServerResponse(new IncomingMessage(socket));
      if (!pipelined) response.assignSocket(socket);
      response.on('error', () => {});
      const charge = { account: 'a', category: 'legs', cost: 5 };
      const decision = await limiter.consume(charge);
      corrections.onEnd('GET', response, decision, unexpected);

      for (const step of order) {
        // Node passes it on to a response that has the socket.
        if (step === 'socket') socket.emit('close');
        else response.emit(step, new Error('a test'));
      }
      const first = order.find((step) => step !== 'error');
      const expected = first === undefined ? [] : [first === 'finish' ? 'GET 200' : 'GET aborted'];
      expect([order, asked]).toEqual([order, expected]);
      const used = first === undefined ? 5 : first === 'finish' ? 3 : 7;
      expect((await limiter.peek(charge)).tightest?.used).toBe(used);
      await limiter.close();
    }
  },
);

it('a response that has ended before is corrected at once', async () => {
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] } });
  const asked: string[] = [];
  const corrections = new Corrections<string>(limiter, {
    costAfter: (_request, status) => void asked.push(String(status)),
    costWhenAborted: () => void asked.push('aborted'),
  });
  const ask = async (response: ServerResponse) =>
    corrections.onEnd('GET', response, await limiter.consume({ account: 'a', category: 'legs' }), unexpected);

  const socket = new Socket();
  socket.destroy();
  await ask(new ServerResponse(new IncomingMessage(socket)));
  expect(asked).toEqual(['aborted']);

  const left = new ServerResponse(new IncomingMessage(new Socket()));
  left.assignSocket(left.req.socket);
  left.destroy();
  await ask(left);
  left.end('too late');
  expect(asked).toEqual(['aborted', 'aborted']);
  await limiter.close();
});

it.each<[string, (client: Socket, server: Server) => void]>([
  ['the client resets', (client) => void client.resetAndDestroy()],
  ['the client closes', (client) => void client.destroy()],
  ['the server closes', (_, server) => server.closeAllConnections()],
])('a connection that %s in the middle of a long answer is no finished response', async (_, leave) => {
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] } });
  const asked: string[] = [];
  const corrections = new Corrections<string>(limiter, {
    refundWhen: (status) => asked.push(String(status)) > 0,
    costWhenAborted: () => void asked.push('aborted'),
  });
  const decision = await limiter.consume({ account: 'a', category: 'legs' });
  const server = createServer((_request, response) => {
    corrections.onEnd('GET', response, decision, unexpected);
    response.end(Buffer.alloc(50_000_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  client.once('data', () => {
    client.pause();
    leave(client, server);
  });
  await expect.poll(() => asked, { timeout: 5000 }).toEqual(['aborted']);
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
  await limiter.close();
});

it('a long answer that the client has read is finished, on a connection that ends with it too', async () => {
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] } });
  const asked: string[] = [];
  const corrections = new Corrections<string>(limiter, {
    costAfter: (_request, status) => void asked.push(String(status)),
    costWhenAborted: () => void asked.push('aborted'),
  });
  const decision = await limiter.consume({ account: 'a', category: 'legs' });
  const server = createServer((_request, response) => {
    corrections.onEnd('GET', response, decision, unexpected);
    response.end(Buffer.alloc(5_000_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const version of ['1.0', '1.1']) {
    const client = connect(port, '127.0.0.1');
    client.write(`GET / HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    client.resume();
    await new Promise((resolve) => client.once('close', resolve));
  }
  expect(asked).toEqual(['200', '200']);
  await new Promise((resolve) => server.close(resolve));
  await limiter.close();
});

function unexpected(error: unknown): never {
  throw error;
}
