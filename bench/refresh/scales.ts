import type { Result } from "../harness/report.ts";
import type { LatchkeySubject } from "./latchkey-subject.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { measureThroughput } from "./measure.ts";

/** How much slower the slowest hundredth may be in the largest table than in the smallest. */
const MAX_P99_GROWTH = 1.5;

export interface ScalePlan {
  /** Sessions in the table, rising; the first is what the others are compared with. */
  readonly scales: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
}

/** The same load over the same number of sessions in use, in tables of very different sizes. */
export async function measureScales(
  start: () => Promise<LatchkeySubject>,
  generator: LoadGenerator,
  plan: ScalePlan,
): Promise<readonly Result[]> {
  const subject = await start();
  const results: Result[] = [];
  try {
    let first: number | undefined;
    await measureThroughput(subject, generator, { connections: 16, seconds: plan.seconds, rounds: 1 });
    for (const sessions of plan.scales) {
      const among = `Latchkey on ${subject.database} among ${sessions.toLocaleString("en-US")} sessions`;
      process.stderr.write(`  ${among}\n`);
      await subject.fillUp(sessions);
      await measureThroughput(subject, generator, { connections: 16, seconds: 1, rounds: 1 });
      const { p50Ms, p99Ms } = await measureThroughput(subject, generator, { ...plan, connections: 16 });
      first ??= p99Ms;
      results.push(
        { name: `${among}, 16 connections, p50`, value: p50Ms, unit: "ms", holds: true },
        {
          name: `${among}, 16 connections, p99`,
          value: p99Ms,
          unit: "ms",
          peer: `p99 among ${plan.scales[0]?.toLocaleString("en-US")}`,
          ratio: p99Ms / first,
          target: `≤ ${MAX_P99_GROWTH} ×`,
          holds: p99Ms / first <= MAX_P99_GROWTH,
        },
      );
    }
  } finally {
    await subject.stop();
  }
  return results;
}
