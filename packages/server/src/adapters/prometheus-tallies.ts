import type { Metric, Registry } from "prom-client";

/**
 * Metrics that are counted in plain numbers. prom-client's own look at every label of every observation; these are told to it
 * when somebody asks for them.
 */
export interface TallyOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Label[];
}

/** Counts one, of the values of the labels, in their order. */
export type CountTally = (...values: readonly LabelValue[]) => void;

/** Counts a duration, in seconds. */
export type DurationTally = (seconds: number, ...values: readonly LabelValue[]) => void;

type LabelValue = string | number;
type Labels = Record<string, LabelValue>;

/** @param options.startsWith combinations that are there before they are first counted */
export function tallyCounts<Label extends string>(
  registry: Registry,
  { startsWith = [], ...options }: TallyOptions<Label> & { readonly startsWith?: readonly (readonly LabelValue[])[] },
): CountTally {
  const tallies = createTallies(options.labels, () => ({ count: 0 }));
  for (const values of startsWith) tallies.of(values);
  register(registry, options, "counter", () =>
    tallies.all().map(({ labels, tally }) => ({ labels, value: tally.count })),
  );
  return (...values) => {
    tallies.of(values).count += 1;
  };
}

/** @param options.buckets their upper bounds, in seconds, ascending */
export function tallyDurations<Label extends string>(
  registry: Registry,
  { buckets, ...options }: TallyOptions<Label> & { readonly buckets: readonly number[] },
): DurationTally {
  const tallies = createTallies(options.labels, () => ({ sum: 0, counts: [...buckets, Infinity].map(() => 0) }));
  register(registry, options, "histogram", () =>
    tallies.all().flatMap(({ labels, tally: { sum, counts } }) => {
      let count = 0;
      const upTo = counts.map((here, n) => {
        count += here;
        return { labels: { le: buckets[n] ?? "+Inf", ...labels }, value: count, metricName: `${options.name}_bucket` };
      });
      const total = { labels, value: sum, metricName: `${options.name}_sum` };
      return [...upTo, total, { labels, value: count, metricName: `${options.name}_count` }];
    }),
  );
  return (seconds, ...values) => {
    const tally = tallies.of(values);
    let bucket = 0;
    while (bucket < buckets.length && seconds > (buckets[bucket] ?? Infinity)) bucket += 1;
    tally.sum += seconds;
    tally.counts[bucket] = (tally.counts[bucket] ?? 0) + 1;
  };
}

interface Tallies<Tally> {
  of(values: readonly LabelValue[]): Tally;
  all(): readonly { readonly labels: Labels; readonly tally: Tally }[];
}

function createTallies<Tally>(names: readonly string[], begin: () => Tally): Tallies<Tally> {
  const found = new Map<string, { readonly labels: Labels; readonly tally: Tally }>();
  return {
    of(values) {
      // No route, verb or code has a space in it.
      const key = values.join(" ");
      let one = found.get(key);
      if (one === undefined) {
        const labels = Object.fromEntries(names.map((name, n) => [name, values[n] ?? ""]));
        one = { labels, tally: begin() };
        found.set(key, one);
      }
      return one.tally;
    },
    all: () => [...found.values()],
  };
}

interface Value {
  readonly labels: Labels;
  readonly value: number;
  /** Where it is not the metric's own. */
  readonly metricName?: string;
}

/** A registry asks a metric for its values and for nothing else, until it is told to reset it. */
function register(
  registry: Registry,
  { name, help }: TallyOptions<string>,
  type: "counter" | "histogram",
  read: () => readonly Value[],
): void {
  const metric = { name, get: async () => ({ name, help, type, aggregator: "sum", values: read() }) };
  registry.registerMetric(metric as unknown as Metric);
}
