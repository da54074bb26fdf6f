/**
 * Instants in whole milliseconds. Where it starts does not matter; that it does not jump does. A clock that steps back is
 * held at its latest instant by whoever reads it.
 */
export type Clock = () => number;

/** Milliseconds since the process started, unaffected by changes of the wall clock. */
export const monotonicClock: Clock = () => performance.now();

/** Milliseconds since the epoch, for the one thing that needs them: an instant that is told to a client. */
export const wallClock: Clock = () => Date.now();
