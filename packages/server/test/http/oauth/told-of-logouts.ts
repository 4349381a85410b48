import { expect } from "vitest";

import type { Store } from "../../../src/ports/store.ts";

/** Waits until a node tells this client of logouts: a client that is new is told of those that come from then on. */
export async function expectToBeTold({ consumers }: Store, clientId: string): Promise<void> {
  const work = { name: `back-channel logout ${clientId}`, holder: "nobody", leaseMs: 0, startAt: 0 };
  const isHeld = async () => (await consumers.claim(work)) === undefined;
  await expect.poll(isHeld, { timeout: 25_000, interval: 50 }).toBe(true);
}
