// Vitest's global set-up: one PostgreSQL server for a whole run, started when the first test asks for it and stopped when
// the run is over, whatever came of it. Tests ask over HTTP on loopback, because they run in processes of their own.
import { once } from "node:events";
import { createServer } from "node:http";

import type { TestProject } from "vitest/node";

import type { PostgresServer } from "./postgres-server.ts";
import { startPostgres } from "./postgres-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Answers `{ url }` of a PostgreSQL server, or `{ missing }` that says why there is none. */
    readonly postgresService: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<PostgresServer> | undefined;
  const find = async (): Promise<{ readonly url: string } | { readonly missing: string }> => {
    const configured = process.env["DATABASE_URL"];
    if (configured !== undefined && configured !== "") return { url: configured };
    try {
      starting ??= startPostgres();
      return { url: (await starting).url };
    } catch (error) {
      return { missing: error instanceof Error ? error.message : String(error) };
    }
  };
  const service = createServer((_request, response) => {
    void find().then((found) => response.end(JSON.stringify(found)));
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  const address = service.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  project.provide("postgresService", `http://127.0.0.1:${port}/`);

  return async () => {
    service.closeAllConnections();
    service.close();
    // What kept it from starting has been told to the tests that asked.
    const server = await starting?.catch(() => undefined);
    await server?.stop();
  };
}
