/**
 * What a flood of sign-ins does: how many are completed, how many refused with 503, and how much longer it takes to use a session
 * beside it. `latchkey serve` on SQLite, as it comes. Those who use sessions and the flood are a process each; the flood's has
 * a lower priority, since one comes from elsewhere.
 *
 *     npm run bench:sign-in [-- --seconds 10] [--rounds 3] [--beside CHECKOUT] [--better-auth] [--json FILE]
 */
import { readFileSync } from "node:fs";

import type { AskedProgram } from "./harness/asked-program.ts";
import { startProgram } from "./harness/asked-program.ts";
import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import { median, medianRatio } from "./harness/statistics.ts";
import { BETTER_AUTH, installPeer } from "./refresh/peer-subject.ts";
import type { FloodOrder, FloodReport } from "./sign-in/flood.ts";
import type { FloodedSubject } from "./sign-in/subjects.ts";
import { startBetterAuthSubject, startLatchkeySubject } from "./sign-in/subjects.ts";
import type { UsingOrder, UsingReport } from "./sign-in/using.ts";

const HELP = `Measures a flood of sign-ins, with people beside it who are signed in.

  --seconds N        for how long each part of a round lasts (default: 10)
  --rounds N         of which the medians are reported (default: 3); each has four parts for each server, so that by
                     default there are two minutes of measuring a server
  --beside CHECKOUT  with another Latchkey, of this folder, which has been built; in turns
  --better-auth      with Better Auth, which is installed for it into a folder of its own; in turns
  --cpu-prof DIR     writes a processor profile of the first server there
  --json FILE        writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  seconds: { type: "string", default: "10" },
  rounds: { type: "string", default: "3" },
  beside: { type: "string" },
  "better-auth": { type: "boolean", default: false },
  "cpu-prof": { type: "string" },
});

/** What goes on beside the use of sessions. The loop is the floor: it wants a core as a thread that hashes does, and no more. */
const PARTS = [
  { name: "nothing", signIns: 0, hasLoop: false },
  { name: "a loop of low priority", signIns: 0, hasLoop: true },
  { name: "64 sign-ins", signIns: 64, hasLoop: false },
  { name: "256 sign-ins", signIns: 256, hasLoop: false },
] as const;
type Part = (typeof PARTS)[number];

interface Measured {
  readonly using: UsingReport;
  readonly flood: FloodReport | undefined;
  readonly residentMiB: number;
}

await main();

async function main(): Promise<void> {
  const programs = startPrograms();
  const subjects: FloodedSubject[] = [];
  try {
    const profile = flags["cpu-prof"] === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${flags["cpu-prof"]}`];
    subjects.push(await startLatchkeySubject({ execArgv: profile }));
    if (flags.beside !== undefined) subjects.push(await startLatchkeySubject({ checkout: flags.beside }));
    if (flags["better-auth"]) {
      installPeer(BETTER_AUTH);
      subjects.push(await startBetterAuthSubject());
    }
    const measured = new Map<FloodedSubject, Map<Part, Measured[]>>(
      subjects.map((subject) => [subject, new Map(PARTS.map((part) => [part, []]))]),
    );
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (const part of PARTS) {
        for (const subject of subjects) {
          process.stderr.write(`  round ${round + 1}, ${subject.name} beside ${part.name}\n`);
          measured
            .get(subject)
            ?.get(part)
            ?.push(await measure(subject, part, programs));
        }
      }
    }
    const results = [...measured].flatMap(([subject, parts]) => resultsOf(subject, parts));
    report(`Sign-ins over HTTP, Node.js ${process.version}`, results, flags.json);
  } finally {
    for (const program of [programs.using, programs.flood, programs.loop]) program.stop();
    for (const subject of subjects) await subject.stop();
  }
}

interface Programs {
  readonly using: AskedProgram<UsingOrder, UsingReport>;
  readonly flood: AskedProgram<FloodOrder, FloodReport>;
  readonly loop: AskedProgram<{ readonly seconds: number }, unknown>;
}

function startPrograms(): Programs {
  return {
    using: startProgram(new URL("sign-in/using.ts", import.meta.url)),
    flood: startProgram(new URL("sign-in/flood.ts", import.meta.url)),
    loop: startProgram(new URL("sign-in/niced-loop.ts", import.meta.url)),
  };
}

async function measure(subject: FloodedSubject, part: Part, programs: Programs): Promise<Measured> {
  const seconds = Number(flags.seconds);
  const sessions = await subject.sessions();
  const [using, flood] = await Promise.all([
    programs.using.ask({ port: subject.flood.port, seconds, sessions }),
    part.signIns === 0 ? undefined : programs.flood.ask({ ...subject.flood, seconds, signIns: part.signIns }),
    part.hasLoop ? programs.loop.ask({ seconds }) : undefined,
  ]);
  return { using, flood, residentMiB: residentMiB(subject.pid) };
}

/** NaN where the system does not say. */
function residentMiB(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

function resultsOf(subject: FloodedSubject, parts: ReadonlyMap<Part, readonly Measured[]>): readonly Result[] {
  return [...parts].flatMap(([part, rounds]) => {
    const name = `${subject.name}, beside ${part.name}`;
    const result = (what: string, values: readonly number[], unit: string): Result => ({
      name: `${name}: ${what}`,
      value: median(values),
      unit,
      holds: true,
    });
    const floods = rounds.flatMap(({ flood }) => flood ?? []);
    const unexpected = Math.max(
      ...rounds.map(({ using, flood }) => using.failures + (flood === undefined ? 0 : flood.others + flood.unanswered)),
    );
    const p99s = (of: readonly Measured[] = []): readonly number[] => of.map(({ using }) => using.p99Ms);
    const timesOver = (floor: Part): number => medianRatio(p99s(rounds), p99s(parts.get(floor)));
    const [alone, loop] = PARTS;
    return [
      result(
        "sessions used, p50",
        rounds.map(({ using }) => using.p50Ms),
        "ms",
      ),
      result(
        "sessions used, p99",
        rounds.map(({ using }) => using.p99Ms),
        "ms",
      ),
      { name: `  p99 over that beside nothing`, value: timesOver(alone), unit: "×", holds: true },
      { name: `  p99 over that beside the loop`, value: timesOver(loop), unit: "×", holds: true },
      ...(floods.length === 0
        ? []
        : [
            result(
              "completed",
              floods.map((flood) => flood.completed / flood.seconds),
              "/s",
            ),
            result(
              "completed, p50",
              floods.map((flood) => flood.completedP50Ms),
              "ms",
            ),
            result(
              "completed, p99",
              floods.map((flood) => flood.completedP99Ms),
              "ms",
            ),
            result(
              "never answered",
              floods.map((flood) => flood.unanswered),
              "",
            ),
            result(
              "refused with 503 and Retry-After",
              floods.map((flood) => flood.refused / flood.seconds),
              "/s",
            ),
            result(
              "refused, p99",
              floods.map((flood) => flood.refusedP99Ms),
              "ms",
            ),
          ]),
      result(
        "resident memory",
        rounds.map((one) => one.residentMiB),
        "MiB",
      ),
      {
        name: `${name}: anything else, uses that failed among it`,
        value: unexpected,
        unit: "",
        ...(subject.isPeer !== true && { target: "0" }),
        holds: unexpected === 0 || subject.isPeer === true,
      },
    ];
  });
}
