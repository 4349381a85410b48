import { mkdirSync } from "node:fs";

import { createSqliteStore } from "@latchkey/server";
import { openDataFolder } from "latchkey";

import { startLatchkey } from "./serve-process.ts";
import { createSessionMaker } from "./session-maker.ts";
import type { SharedStore } from "./shared-store.ts";

/** One SQLite file; its nodes are `latchkey serve`. */
export function openSqliteFolder(dataPath: string): SharedStore {
  mkdirSync(dataPath, { recursive: true, mode: 0o700 });
  const { databasePath, masterSecret } = openDataFolder({ path: dataPath });
  return {
    name: "SQLite",
    startNode: (options) => startLatchkey({ ...options, dataPath }),
    createMaker: (issuer) =>
      createSessionMaker({ store: createSqliteStore({ path: databasePath }), masterSecret, issuer }),
    close: async () => undefined,
  };
}
