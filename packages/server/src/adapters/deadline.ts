/** Nothing was answered in time. */
class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/**
 * Rejects where the work takes longer: a server that is gone without a word must become an error, so that a request is
 * refused and asked again, and does not wait for ever. The work itself may still take place; every verb can bear that.
 */
export function withinDeadline<Result>(work: Promise<Result>, milliseconds: number, message: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineError(message)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
