/**
 * Whether the time an answer takes tells that an address has an account: sign-in, sign-up, a forgotten password, verification.
 * Each pair of requests is asked one at a time in shuffled order, and the two distributions are compared.
 *
 *     npm run trial:timing [-- --samples 2000] [--only TEXT] [--light] [--seed TEXT] [--json FILE]
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { DEFAULT_ARGON2_COSTS } from "@latchkey/server";

import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import type { SeededRandom } from "./harness/seeded-random.ts";
import { createSeededRandom } from "./harness/seeded-random.ts";
import { compare } from "./timing/compare.ts";
import type { Pair, TimingWorld } from "./timing/sides.ts";
import { createTimingWorld } from "./timing/sides.ts";

const HELP = `Compares the times of answers that must tell nothing.

  --samples N   of each kind of request (default: 2000); 100 with --light took 75 seconds on two busy cores
  --only TEXT   the pairs whose names hold this, and the one that shows that the trial would notice
  --light       a hash that costs next to nothing, so that it hides nothing of what surrounds it
  --seed TEXT   the order of the requests
  --json FILE   writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  samples: { type: "string", default: "2000" },
  only: { type: "string", default: "" },
  light: { type: "boolean", default: false },
  seed: { type: "string" },
});

/** What is seen once in a thousand by chance is called a difference… */
const MAX_PROBABILITY = 0.001;
/** …if it would also help anybody: a guess from one answer is right 5 times more often of 100, at most. */
const MAX_SUPERIORITY = 0.55;
const LIGHT = { memoryKib: 8, passes: 1, parallelism: 1 };
const WARM_UP = 50;

await main(flags.seed ?? randomUUID());

async function main(seed: string): Promise<void> {
  const samples = Number(flags.samples);
  const random = createSeededRandom(seed);
  const world = await createTimingWorld({ costs: flags.light ? LIGHT : DEFAULT_ARGON2_COSTS, accounts: 200 });
  const results: Result[] = [];
  try {
    const pairs = world.pairs.filter(({ name }) => name.includes(flags.only));
    for (const pair of pairs) results.push(...(await judge(world, pair, { samples, random })));
    results.push(...(await judge(world, world.control, { samples: Math.min(samples, 200), random, isControl: true })));
  } finally {
    await world.close();
  }
  const hash = flags.light ? "a light hash" : "the default hash";
  report(
    `Times of answers, ${samples} of each, ${hash}, seed ${seed}, Node.js ${process.version}`,
    results,
    flags.json,
  );
}

interface Plan {
  readonly samples: number;
  readonly random: SeededRandom;
  readonly isControl?: boolean;
}

async function judge(world: TimingWorld, pair: Pair, plan: Plan): Promise<readonly Result[]> {
  process.stderr.write(`  ${pair.name}\n`);
  const [first, second] = await sample(world, pair, plan);
  const { difference, medianMs, superiority, probability, distance } = compare(first, second, plan.random);
  const tells = probability < MAX_PROBABILITY && Math.max(superiority, 1 - superiority) > MAX_SUPERIORITY;
  const bounds = `${difference.low.toFixed(3)} to ${difference.high.toFixed(3)} ms`;
  return [
    {
      name: `${pair.name}: which took longer, of two`,
      value: superiority,
      unit: "",
      target: plan.isControl === true ? "told apart" : `0.5, or within ${(MAX_SUPERIORITY - 0.5).toFixed(2)} of it`,
      holds: tells === (plan.isControl === true),
    },
    { name: `  by chance so far from 0.5 (Mann–Whitney)`, value: probability, unit: "", holds: true },
    { name: `  difference of medians, 99 % of resamplings ${bounds}`, value: difference.ms, unit: "ms", holds: true },
    { name: `  median`, value: medianMs, unit: "ms", holds: true },
    { name: `  distance (Kolmogorov–Smirnov)`, value: distance, unit: "", holds: true },
  ];
}

/** One request at a time, of either kind in an order that nobody can foresee. */
async function sample(world: TimingWorld, pair: Pair, { samples, random }: Plan): Promise<[number[], number[]]> {
  const times: [number[], number[]] = [[], []];
  for (let n = 0; n < WARM_UP; n++) await time(world, pair, n % 2 === 0 ? "first" : "second");
  while (times[0].length < samples || times[1].length < samples) {
    const isSecond = times[0].length >= samples || (times[1].length < samples && random.chance(0.5));
    times[isSecond ? 1 : 0].push(await time(world, pair, isSecond ? "second" : "first"));
  }
  return times;
}

async function time(world: TimingWorld, pair: Pair, side: "first" | "second"): Promise<number> {
  const request = pair[side]();
  const started = performance.now();
  const response = await world.server.fetch(request, { remoteAddress: "127.0.0.1" });
  await response.arrayBuffer();
  const took = performance.now() - started;
  if (response.status !== pair.status) throw new Error(`${pair.name}: the ${side} answered ${response.status}`);
  // What goes on behind the answer ends before the next question.
  await sleep(1);
  return took;
}
