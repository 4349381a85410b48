import { it } from "vitest";

import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import { describeStoreContract } from "../../src/testing/index.ts";
import { createTestDatabase, describeOnPostgres } from "./postgres-database.ts";

describeStoreContract(
  { describe: describeOnPostgres, it },
  {
    name: "PostgreSQL",
    createDatabase: async () => {
      const database = await createTestDatabase();
      return {
        open: async () => createPostgresStore({ connectionString: database.url }),
        drop: () => database.drop(),
      };
    },
  },
);
