const FIRST_MS = 5_000;
const LONGEST_MS = 3_600_000;

/**
 * How long to wait after so many failures in a row, in milliseconds: twice as long each time, up to an hour. Half of it is
 * chance, so that what failed together is not tried together again.
 */
export function backOffMs(failures: number, random: () => number): number {
  const longest = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 20), LONGEST_MS);
  return Math.round(longest / 2 + (random() * longest) / 2);
}
