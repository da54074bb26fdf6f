import { RunningServer } from './standalone.js';

export interface GivenOrStarted {
  readonly url: string;
  stop(): Promise<void>;
}

/** The server that `REDIS_URL` names, which is left as it is but for keys that expire; else one of the tests' own. */
export async function givenOrStarted(): Promise<GivenOrStarted> {
  const given = process.env['REDIS_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => {} };
  return RunningServer.start();
}
