const pending = new Set<() => void>();
let isWatching = false;

/**
 * Calls `act` when this process ends, also by an error or a signal. It must be synchronous. The returned function calls
 * it at once; it runs only once in all.
 */
export function atTheEnd(act: () => void): () => void {
  if (!isWatching) {
    isWatching = true;
    process.once('exit', () => {
      for (const end of pending) end();
    });
    // A signal without a listener ends the process without an `exit` event.
    for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
      process.once(signal, () => process.exit(128 + number));
    }
  }
  const end = () => {
    if (pending.delete(end)) act();
  };
  pending.add(end);
  return end;
}
