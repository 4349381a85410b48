/** Lanes side by side, each doing one exchange after another. */
export interface Drive {
  readonly lanes: number;
  /** Stops after so long… */
  readonly seconds: number;
  /** …or after so many exchanges, whichever is first. */
  readonly exchanges?: number | undefined;
  /** One exchange; answers what went wrong, if anything did. */
  readonly exchange: (lane: number, turn: number) => Promise<string | undefined>;
}

export interface DriveReport {
  /** Those that went well. */
  readonly exchanges: number;
  readonly failures: number;
  /** What the first failure looked like. */
  readonly failure: string | undefined;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const MAX_FAILURES_PER_LANE = 20;

export async function drive(plan: Drive): Promise<DriveReport> {
  const latencies: number[] = [];
  let failures = 0;
  let failure: string | undefined;
  const limit = plan.exchanges ?? Number.POSITIVE_INFINITY;
  const started = performance.now();
  const deadline = started + plan.seconds * 1000;

  async function run(lane: number): Promise<void> {
    let ownFailures = 0;
    for (let turn = 0; performance.now() < deadline && latencies.length < limit; turn++) {
      const asked = performance.now();
      const fault = await plan.exchange(lane, turn);
      latencies.push(performance.now() - asked);
      if (fault === undefined) continue;
      failures += 1;
      ownFailures += 1;
      failure ??= fault;
      if (ownFailures > MAX_FAILURES_PER_LANE) return;
    }
  }

  await Promise.all(Array.from({ length: plan.lanes }, (_, lane) => run(lane)));
  const seconds = (performance.now() - started) / 1000;
  const sorted = Float64Array.from(latencies).toSorted();
  return {
    exchanges: latencies.length - failures,
    failures,
    failure,
    seconds,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  };
}
