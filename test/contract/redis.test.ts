import { Redis } from 'ioredis';
import { givenOrStarted } from '../redis-servers/given-or-started.js';
import { describeOn } from './redis-suite.js';

describeOn(
  'one server',
  0.25,
  async () => {
    const server = await givenOrStarted();
    return { client: new Redis(server.url), stop: () => server.stop() };
  },
  { joins: true },
);
