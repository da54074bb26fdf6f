import { onTestFinished } from 'vitest';

/** The warnings of this process during a test, as they come: of each its code and its message. */
export function hearWarnings(): string[] {
  const heard: string[] = [];
  const hear = (warning: Error & { readonly code?: string }) => heard.push(`${warning.code} ${warning.message}`);
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  return heard;
}

/**
 * Collects Tollgate's process warnings during a test: each is its code and its message. Call the result for those so
 * far, in which other warnings have no place.
 */
export function collectWarnings(): () => Promise<readonly string[]> {
  const collected: string[] = [];
  const listener = (warning: Error & { readonly code?: string }) => {
    if (warning.name === 'TollgateWarning') collected.push(`${warning.code} ${warning.message}`);
  };
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  return async () => {
    // Node emits a warning in the next tick.
    await new Promise((resolve) => setImmediate(resolve));
    return collected;
  };
}
