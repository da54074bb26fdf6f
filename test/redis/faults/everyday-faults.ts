import type { Redis } from 'ioredis';
import type { RunningServer } from '../../redis-servers/standalone.js';
import type { Expected, Fault } from './world.js';

/** Faults that every set-up of a service has to survive, each with what clients may see. */
type EverydayFault = readonly [fault: Fault, expected: Expected];

export function paused(server: RunningServer): EverydayFault {
  return [{ befall: () => server.pause(), end: () => server.resume() }, { outage: true }];
}

export function restarted(server: RunningServer): EverydayFault {
  const fault = { befall: () => server.kill(), end: () => server.restart() };
  return [fault, { outage: true, forgets: true }];
}

export function disconnected(redis: Redis): EverydayFault {
  return [{ befall: () => redis.call('CLIENT', 'KILL', 'TYPE', 'normal') }, {}];
}
