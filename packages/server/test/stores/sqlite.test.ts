import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, it } from "vitest";

import { createSqliteStore } from "../../src/stores/sqlite/index.ts";
import { describeStoreContract } from "../../src/testing/index.ts";

describeStoreContract(
  { describe, it },
  {
    name: "SQLite",
    createDatabase: async () => {
      const folder = mkdtempSync(join(tmpdir(), "latchkey-sqlite-"));
      return {
        open: async () => createSqliteStore({ path: join(folder, "latchkey.db") }),
        drop: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  },
);
