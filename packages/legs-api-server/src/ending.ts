const unended = new Set<() => void>();
let watching = false;

/**
 * Has something done when this process ends, also by an error or a signal. What it does cannot wait for anything. Calling
 * what is returned does it now, and once.
 */
export function atTheEnd(act: () => void): () => void {
  if (!watching) {
    watching = true;
    process.once('exit', () => {
      for (const one of unended) one();
    });
    // Without a listener a signal ends the process with no `exit` before it.
    for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
      process.once(signal, () => process.exit(128 + number));
    }
  }
  const once = () => {
    if (unended.delete(once)) act();
  };
  unended.add(once);
  return once;
}
