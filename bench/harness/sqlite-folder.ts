import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createSqliteStore } from "@latchkey/server";
import { openDataFolder } from "latchkey";

import { startLatchkey } from "./serve-process.ts";
import { createSessionMaker } from "./session-maker.ts";
import type { SharedStore } from "./shared-store.ts";

/** One SQLite file of its own, in a temporary folder. */
export function openTemporarySqlite(): SharedStore {
  const dataPath = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  return {
    ...openSqliteFolder(dataPath),
    close: async () => rmSync(dataPath, { recursive: true, force: true }),
  };
}

/** One SQLite file; its nodes are `latchkey serve`. */
export function openSqliteFolder(dataPath: string): SharedStore & { readonly name: "SQLite" } {
  mkdirSync(dataPath, { recursive: true, mode: 0o700 });
  const { databasePath, masterSecret } = openDataFolder({ path: dataPath });
  return {
    name: "SQLite",
    databasePath,
    startNode: (options) => startLatchkey({ ...options, dataPath }),
    createMaker: (issuer) =>
      createSessionMaker({ store: createSqliteStore({ path: databasePath }), masterSecret, issuer }),
    close: async () => undefined,
  };
}
