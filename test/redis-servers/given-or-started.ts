import { RunningServer } from './standalone.js';

export interface GivenOrStarted {
  readonly url: string;
  stop(): Promise<void>;
}

/** The server at `REDIS_URL`, where tests leave only keys that expire; else a server that the tests start. */
export async function givenOrStarted(): Promise<GivenOrStarted> {
  const given = process.env['REDIS_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => {} };
  return RunningServer.start();
}
