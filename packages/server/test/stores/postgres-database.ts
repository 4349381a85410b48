import { randomBytes } from "node:crypto";

import pg from "pg";
import { describe, inject } from "vitest";

/** A database of one test, empty at first. */
export interface TestPostgres {
  readonly url: string;
  drop(): Promise<void>;
}

type Found = { readonly url: string } | { readonly missing: string };

const found = (await (await fetch(inject("postgresService"))).json()) as Found;

/**
 * Where there is no server these tests are skipped by name; where that must not be (`CI=true`) each fails and says why.
 */
export const describeOnPostgres: typeof describe | typeof describe.skip =
  "url" in found || process.env["CI"] === "true" ? describe : describe.skip;

/** On the server that all tests share, or on the one that is named. */
export async function createTestDatabase(serverUrl: string = sharedServerUrl()): Promise<TestPostgres> {
  const name = `latchkey_test_${randomBytes(8).toString("hex")}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await administer(serverUrl, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  return {
    url: url.href,
    drop: () => administer(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

function sharedServerUrl(): string {
  if ("missing" in found) throw new Error(found.missing);
  return found.url;
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
