/**
 * What protecting a route costs: processor time per request of a protected route beside the same route open, with Latchkey's
 * guards and with others, over real HTTP. The floors: a guard that checks nothing, and one that does nothing but the bare
 * call of `crypto.verify`.
 *
 *     npm run bench:verify-http [-- --quick] [--framework NAME] [--guard NAME] [--alg NAME] [--json FILE]
 *
 * Each guard runs in a process of its own, which also has the open route. In each round every process is asked for
 * both, in a shuffled order, with the same requests; figures are medians, ratios medians of the ratios within a round.
 */
import { cpus, loadavg } from "node:os";

import { type AskedProgram, startProgram } from "./harness/asked-program.ts";
import { readFlags } from "./harness/flags.ts";
import { report, type Result } from "./harness/report.ts";
import { median, medianRatio, shuffle } from "./harness/statistics.ts";
import type { Answer, Question } from "./verify-http/api-server.ts";
import {
  type FrameworkName,
  frameworkNames,
  type GuardName,
  guardNames,
  HELD_PATH,
  OPEN_PATH,
} from "./verify-http/api.ts";
import { type HttpAlgorithm, type RunningIssuer, startIssuer } from "./verify-http/issuer.ts";
import type { LoadOrder, LoadReport } from "./verify-http/load.ts";

const HELP = `Measures what a protected route costs over an open one.

  --quick           5 rounds of 3,000 requests (default: 9 of 8,000): more than 3 minutes a framework on two busy cores
  --framework NAME  one of ${frameworkNames.join(", ")}; may be given again; all by default
  --guard NAME      one of ${guardNames.join("; ")}; likewise
  --alg NAME        RS256 or ES256; likewise
  --json FILE       writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  framework: { type: "string", multiple: true },
  guard: { type: "string", multiple: true },
  alg: { type: "string", multiple: true },
});

// So many requests, not so many seconds: on a busy machine a second may be over before the compiler has begun.
const plan = flags.quick
  ? { rounds: 5, exchanges: 3_000, warmUpExchanges: 6_000 }
  : { rounds: 9, exchanges: 8_000, warmUpExchanges: 20_000 };
const MAX_SECONDS = 120;
const CONNECTIONS = 32;

/** With the cache, of the open route; without it, microseconds on top of it. */
const MAX_RATIO_CACHED = 1.25;
const MAX_EXTRA_UNCACHED: ReadonlyMap<HttpAlgorithm, number> = new Map([["RS256", 36]]);

/** Microseconds of processor time per request, round by round. */
interface Measured {
  readonly guard: GuardName;
  readonly open: number[];
  readonly held: number[];
}

interface Api {
  readonly port: number;
  readonly program: AskedProgram<Question, Answer>;
  readonly measured: Measured;
}

await main();

async function main(): Promise<void> {
  const results: Result[] = [];
  const load = startProgram<LoadOrder, LoadReport>(new URL("verify-http/load.ts", import.meta.url));
  try {
    for (const alg of chosen(["RS256", "ES256"] as const, flags.alg)) {
      const issuer = await startIssuer(alg);
      for (const framework of chosen(frameworkNames, flags.framework)) {
        results.push(...resultsOf(framework, alg, await measure(framework, issuer, load)));
        process.stdout.write(`${framework} ${alg} done, load average ${loadavg()[0]?.toFixed(1)}\n`);
      }
      issuer.stop();
    }
  } finally {
    load.stop();
  }
  const processor = `${cpus()[0]?.model ?? "unknown processor"} × ${cpus().length}`;
  report(
    `Protected routes over HTTP: Node.js ${process.version}, ${processor}, ${plan.rounds} rounds of ${plan.exchanges} requests`,
    results,
    flags.json,
  );
}

async function measure(
  framework: FrameworkName,
  { issuer, tokens }: RunningIssuer,
  load: AskedProgram<LoadOrder, LoadReport>,
): Promise<readonly Measured[]> {
  const apis: Api[] = [];
  try {
    for (const guard of chosen(guardNames, flags.guard)) {
      if (guard === "express-oauth2-jwt-bearer" && framework !== "Express") continue;
      const program = startProgram<Question, Answer>(new URL("verify-http/api-server.ts", import.meta.url));
      const port = await program.ask({ type: "serve", framework, guard, issuer });
      apis.push({ port, program, measured: { guard, open: [], held: [] } });
    }
    for (let round = -1; round < plan.rounds; round++) {
      for (const { port, program, measured } of shuffle(apis)) {
        for (const path of shuffle([OPEN_PATH, HELD_PATH])) {
          const before = await program.ask({ type: "usage" });
          const { exchanges, failures, failure } = await load.ask({
            port,
            path,
            connections: CONNECTIONS,
            seconds: MAX_SECONDS,
            exchanges: round < 0 ? plan.warmUpExchanges : plan.exchanges,
            tokens,
          });
          const after = await program.ask({ type: "usage" });
          if (failures > 0) throw new Error(`${framework} with ${measured.guard}: ${failure}`);
          if (round >= 0) (path === OPEN_PATH ? measured.open : measured.held).push((after - before) / exchanges);
        }
      }
    }
  } finally {
    for (const { program } of apis) program.stop();
  }
  return apis.map(({ measured }) => measured);
}

function resultsOf(framework: FrameworkName, alg: HttpAlgorithm, all: readonly Measured[]): readonly Result[] {
  const name = (of: string): string => `${framework} ${alg}: ${of}`;
  const open = { name: name("open route"), value: median(all.flatMap((one) => one.open)), unit: "µs", holds: true };
  return [open, ...all.map(resultOf)];

  function resultOf(one: Measured): Result {
    const value = median(one.held);
    const ratio = medianRatio(one.held, one.open);
    const extra = median(one.held.map((held, round) => held - (one.open[round] ?? Number.NaN)));
    const maxExtra = MAX_EXTRA_UNCACHED.get(alg);
    const result = { name: name(`${one.guard} (+${extra.toFixed(1)} µs)`), value, unit: "µs", peer: "open", ratio };
    if (one.guard === "Latchkey") {
      return { ...result, target: `<= ${MAX_RATIO_CACHED} × open`, holds: ratio <= MAX_RATIO_CACHED };
    }
    if (one.guard === "Latchkey, no cache" && maxExtra !== undefined) {
      return { ...result, target: `<= open + ${maxExtra} µs`, holds: extra <= maxExtra };
    }
    return { ...result, holds: true };
  }
}

function chosen<T extends string>(all: readonly T[], names: readonly string[] | undefined): readonly T[] {
  const unknown = names?.filter((name) => !all.some((one) => one === name)) ?? [];
  if (unknown.length > 0) throw new Error(`${unknown.join(", ")}: there are ${all.join(", ")}.`);
  return all.filter((name) => names === undefined || names.includes(name));
}
