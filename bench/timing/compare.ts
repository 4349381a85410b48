import type { SeededRandom } from "../harness/seeded-random.ts";

/** What two kinds of answers differ by, in time. */
export interface Comparison {
  readonly samples: number;
  readonly medianMs: number;
  /** The second's median less the first's, with the bounds that 99 of 100 resamplings keep within. */
  readonly difference: { readonly ms: number; readonly low: number; readonly high: number };
  /** How probable it is that one of the second takes longer than one of the first (Mann–Whitney): 0.5 where nothing tells. */
  readonly superiority: number;
  /** How often so much would be seen, in either direction, if nothing told. */
  readonly probability: number;
  /** Kolmogorov and Smirnov's: by how much a single answer betters a guess, at best. */
  readonly distance: number;
}

const RESAMPLES = 1_000;

export function compare(first: readonly number[], second: readonly number[], random: SeededRandom): Comparison {
  const differences = Array.from(
    { length: RESAMPLES },
    () => median(resample(second, random)) - median(resample(first, random)),
  ).toSorted((one, other) => one - other);
  const { superiority, distance } = overlapOf(first, second);
  // The normal approximation, without ties, which clocks of nanoseconds hardly have.
  const deviation = Math.sqrt((first.length + second.length + 1) / (12 * first.length * second.length));
  return {
    samples: first.length,
    medianMs: median(first),
    difference: {
      ms: median(second) - median(first),
      low: differences[Math.floor(RESAMPLES * 0.005)] ?? 0,
      high: differences[Math.floor(RESAMPLES * 0.995)] ?? 0,
    },
    superiority,
    probability: 2 * upperTail(Math.abs(superiority - 0.5) / deviation),
    distance,
  };
}

/** Both from one walk over all samples in the order of their size. */
function overlapOf(first: readonly number[], second: readonly number[]): { superiority: number; distance: number } {
  const all = [
    ...first.map((value) => ({ value, isSecond: false })),
    ...second.map((value) => ({ value, isSecond: true })),
  ].toSorted((one, other) => one.value - other.value);
  let [seenFirst, seenSecond, wins, distance] = [0, 0, 0, 0];
  for (const { isSecond } of all) {
    if (isSecond) {
      seenSecond += 1;
      wins += seenFirst;
    } else seenFirst += 1;
    distance = Math.max(distance, Math.abs(seenFirst / first.length - seenSecond / second.length));
  }
  return { superiority: wins / (first.length * second.length), distance };
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).toSorted();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function resample(values: readonly number[], random: SeededRandom): number[] {
  return Array.from(values, () => values[random.between(0, values.length - 1)] ?? 0);
}

/** Of the normal distribution beyond so many deviations (Abramowitz and Stegun 26.2.17). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series = ((((1.330274429 * t - 1.821255978) * t + 1.781477937) * t - 0.356563782) * t + 0.31938153) * t;
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
