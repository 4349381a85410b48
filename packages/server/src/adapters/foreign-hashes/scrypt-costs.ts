export interface ScryptCosts {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP asks for N = 2^17, r = 8, p = 1, which is 128 MiB; this allows twice that, or so much in several passes. */
const MAX_MEMORY_BYTES = 2 ** 28;
const MAX_BLOCKS = 2 ** 21;

export function isBearableScrypt({ N, r, p }: ScryptCosts): boolean {
  return (
    N > 1 &&
    Number.isInteger(Math.log2(N)) &&
    r > 0 &&
    p > 0 &&
    128 * N * r <= MAX_MEMORY_BYTES &&
    N * r * p <= MAX_BLOCKS
  );
}
