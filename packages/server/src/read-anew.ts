/**
 * Makes of a reading one that may be asked for by many at once: each call is answered by a reading that began after it, one
 * runs at a time, and all who come while it does share the next.
 */
export function readAnew(read: () => Promise<void>): () => Promise<void> {
  let reading: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  return () => {
    // One under way may have read before the caller's change was made.
    next ??= (reading ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        reading = read().finally(() => {
          reading = undefined;
        });
        return reading;
      });
    return next;
  };
}
