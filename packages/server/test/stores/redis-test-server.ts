import { randomBytes } from "node:crypto";

import { Redis } from "ioredis";
import { afterAll, describe } from "vitest";

import type { RedisServer } from "../../../../scripts/redis-server.ts";
import { findRedis, startRedis } from "../../../../scripts/redis-server.ts";
import type { RedisSessionStoreSettings } from "../../src/stores/redis/index.ts";

const configured = process.env["REDIS_URL"];
const required = process.env["CI"] === "true";

/**
 * Where there is no server these tests are skipped by name; where that must not be (`CI=true`) each fails and says why.
 */
export const describeOnRedis: typeof describe | typeof describe.skip =
  configured !== undefined || findRedis() !== undefined || required ? describe : describe.skip;

/** For tests that crash, freeze or reconfigure the server, which one that was only lent must not be. */
export const describeOnOwnRedis: typeof describe | typeof describe.skip =
  findRedis() !== undefined || required ? describe : describe.skip;

/** A server of this file's own, or the one of REDIS_URL where there is none to start. */
export function shareRedis(): () => Promise<RedisPlace> {
  let starting: Promise<RedisServer> | undefined;
  afterAll(async () => {
    await (await starting)?.stop();
  });
  return async () => {
    // A server that was only lent is configured as its owner likes; what is tested there does not depend on it.
    if (findRedis() === undefined && configured !== undefined) return place(configured, { durability: "unchecked" });
    starting ??= startRedis();
    return place((await starting).url, {});
  };
}

/** What one test has for itself on a server: a prefix. */
export interface RedisPlace {
  readonly options: RedisSessionStoreSettings & { readonly url: string };
  drop(): Promise<void>;
}

function place(url: string, settings: RedisSessionStoreSettings): RedisPlace {
  const prefix = `latchkey-test-${randomBytes(8).toString("hex")}`;
  return { options: { ...settings, url, prefix }, drop: () => removeKeys(url, prefix) };
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const client = new Redis(url);
  try {
    for await (const keys of client.scanStream({ match: `{${prefix}}:*`, count: 1_000 })) {
      if ((keys as string[]).length > 0) await client.del(keys as string[]);
    }
  } finally {
    client.disconnect();
  }
}
