/**
 * Instants in whole milliseconds. It may start anywhere, but must not jump. While it is behind an earlier reading,
 * readers use that earlier reading.
 */
export type Clock = () => number;

/** Milliseconds since the process started, unaffected by changes of the wall clock. */
export const monotonicClock: Clock = () => performance.now();

/** Milliseconds since the epoch, for instants that clients see. */
export const wallClock: Clock = () => Date.now();
