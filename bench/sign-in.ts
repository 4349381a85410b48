/**
 * What a flood of sign-ins does: how many are completed, how many refused with 503, and how much longer refreshes take beside it.
 * `latchkey serve` on SQLite, as it comes, and a load generator in a process of its own.
 *
 *     npm run bench:sign-in [-- --seconds 10] [--rounds 3] [--json FILE]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { createArgon2Hasher, createSqliteStore, importAccounts } from "@latchkey/server";

import { freePort } from "../scripts/free-port.ts";
import { startProgram } from "./harness/asked-program.ts";
import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import { openSqliteFolder } from "./harness/sqlite-folder.ts";
import type { FloodOrder, FloodReport } from "./sign-in/flood.ts";

const HELP = `Measures a flood of sign-ins, with refreshes beside it.

  --seconds N   for how long each part of a round lasts (default: 10)
  --rounds N    of which the medians are reported (default: 3)
  --json FILE   writes the figures as JSON
  --help
`;

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

/** Sign-ins at once: as many as wait without being refused, and more than that. */
const FLOODS = [0, 64, 256];
const REFRESHING = 8;
const USERS = 64;
const PASSWORD = "correct horse battery staple";

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const store = openSqliteFolder(folder);
  const generator = startProgram<FloodOrder, FloodReport>(new URL("sign-in/flood.ts", import.meta.url));
  try {
    const credentials = await addUsers(join(folder, "latchkey.db"));
    const maker = await store.createMaker(issuer);
    const node = await store.startNode({ port, issuer, built: true });
    try {
      const reports = new Map<number, FloodReport[]>(FLOODS.map((signIns) => [signIns, []]));
      for (let round = 0; round < Number(flags.rounds); round++) {
        for (const signIns of FLOODS) {
          process.stderr.write(`  round ${round + 1}, ${signIns} sign-ins at once\n`);
          const sessions = await Promise.all(Array.from({ length: REFRESHING }, () => maker.make("body")));
          const tokens = sessions.map(({ refreshToken }) => refreshToken);
          reports
            .get(signIns)
            ?.push(await generator.ask({ port, seconds: Number(flags.seconds), tokens, signIns, credentials }));
        }
      }
      report(`Sign-ins over HTTP, Node.js ${process.version}`, resultsOf(reports), flags.json);
    } finally {
      await node.stop();
      await maker.close();
    }
  } finally {
    generator.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function addUsers(databasePath: string): Promise<FloodOrder["credentials"]> {
  const store = createSqliteStore({ path: databasePath });
  const passwordHash = await createArgon2Hasher().hash(PASSWORD);
  const emails = Array.from({ length: USERS }, (_, n) => `user-${n}@example.com`);
  await importAccounts(
    { store, clock: () => Math.floor(Date.now() / 1000) },
    emails.map((email) => ({ email, passwordHash, name: null, emailVerified: true, roles: [], disabled: false })),
  );
  await store.close();
  return emails.map((email) => ({ email, password: PASSWORD }));
}

function resultsOf(reports: ReadonlyMap<number, readonly FloodReport[]>): readonly Result[] {
  return [...reports].flatMap(([signIns, of]) => {
    const median = (value: (one: FloodReport) => number): number =>
      of.map(value).toSorted((one, other) => one - other)[of.length >> 1] ?? 0;
    const name = signIns === 0 ? "no sign-ins" : `${signIns} sign-ins at once`;
    const unexpected = Math.max(...of.map((one) => one.others + one.refreshFailures));
    const result = (what: string, value: number, unit: string): Result => ({
      name: `${name}: ${what}`,
      value,
      unit,
      holds: true,
    });
    return [
      result(
        "refreshes, p50",
        median((one) => one.refreshP50Ms),
        "ms",
      ),
      result(
        "refreshes, p99",
        median((one) => one.refreshP99Ms),
        "ms",
      ),
      ...(signIns === 0
        ? []
        : [
            result(
              "completed",
              median((one) => one.completed / one.seconds),
              "/s",
            ),
            result(
              "refused with 503 and Retry-After",
              median((one) => one.refused / one.seconds),
              "/s",
            ),
            result(
              "refused, p99",
              median((one) => one.refusalP99Ms),
              "ms",
            ),
          ]),
      {
        name: `${name}: anything else, refreshes that failed among it`,
        value: unexpected,
        unit: "",
        target: "0",
        holds: unexpected === 0,
      },
    ];
  });
}
