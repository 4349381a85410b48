import type { Result } from "../harness/report.ts";
import type { LatchkeySubject } from "./latchkey-subject.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { measureInTurns, measureThroughput } from "./measure.ts";

/** How much slower the slowest hundredth may be in a larger table than in the smallest. */
const MAX_P99_GROWTH = 1.5;
const CONNECTIONS = 16;

export interface ScalePlan {
  /** Sessions in the table, rising; the first is what the others are compared with. */
  readonly scales: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
}

/**
 * The same load over the same number of sessions in use, in tables of very different sizes. Two servers run, one of them on the
 * smallest table, and each larger one is measured in turns with it: minutes apart, a machine is another.
 */
export async function measureScales(
  start: () => Promise<LatchkeySubject>,
  generator: LoadGenerator,
  plan: ScalePlan,
): Promise<readonly Result[]> {
  const [smallest = 0, ...larger] = plan.scales;
  const small = await start();
  const large = await start();
  const results: Result[] = [];
  try {
    for (const subject of [small, large]) {
      await subject.fillUp(smallest);
      await measureThroughput(subject, generator, { connections: CONNECTIONS, seconds: plan.seconds, rounds: 1 });
    }
    for (const sessions of larger) {
      const among = `Latchkey on ${large.database} among ${inWords(sessions)} sessions`;
      process.stderr.write(`  ${among}\n`);
      await large.fillUp(sessions);
      await measureThroughput(large, generator, { connections: CONNECTIONS, seconds: 1, rounds: 1 });
      const [one, other] = await measureInTurns([small, large], generator, { ...plan, connections: CONNECTIONS });
      if (one === undefined || other === undefined) throw new Error("nothing was measured");
      const { bytes } = await large.measureStorage();
      const peer = `among ${inWords(smallest)}, in turns`;
      results.push(
        {
          name: `${among}, p50`,
          value: other.p50Ms,
          unit: "ms",
          peer: `${one.p50Ms.toFixed(2)} ms ${peer}`,
          ratio: other.p50Ms / one.p50Ms,
          holds: true,
        },
        {
          name: `${among}, p99`,
          value: other.p99Ms,
          unit: "ms",
          peer: `${one.p99Ms.toFixed(2)} ms ${peer}`,
          ratio: other.p99Ms / one.p99Ms,
          target: `≤ ${MAX_P99_GROWTH} ×`,
          holds: other.p99Ms / one.p99Ms <= MAX_P99_GROWTH,
        },
        { name: `${among}, database`, value: bytes / 2 ** 20, unit: "MiB", holds: true },
      );
    }
  } finally {
    await small.stop();
    await large.stop();
  }
  return results;
}

function inWords(sessions: number): string {
  return sessions.toLocaleString("en-US");
}
