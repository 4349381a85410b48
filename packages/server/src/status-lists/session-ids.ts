import { randomBytes } from "node:crypto";

import { sessionIdAt } from "../domain/status-place.ts";
import type { StatusPlace } from "../domain/status-place.ts";
import type { StatusPlaceStore } from "../ports/status-place-store.ts";

/** Makes the ids of new sessions: random, and where there are status lists with a place of their own. */
export interface SessionIds {
  create(): Promise<string>;
}

/** How many places a node takes at once; what it has not used when it stops stays empty. */
const LEASE = 64;

export function createRandomSessionIds(): SessionIds {
  return { create: async () => randomId() };
}

export function createPlacedSessionIds(options: {
  readonly places: StatusPlaceStore;
  readonly placeOf: (number: number) => StatusPlace;
}): SessionIds {
  const { places, placeOf } = options;
  let next = 0;
  let end = 0;
  let leasing: Promise<void> | undefined;

  const lease = async (): Promise<void> => {
    next = await places.lease(LEASE);
    end = next + LEASE;
  };

  return {
    async create() {
      while (next === end) {
        leasing ??= lease().finally(() => {
          leasing = undefined;
        });
        await leasing;
      }
      return sessionIdAt(randomId(), placeOf(next++));
    },
  };
}

function randomId(): string {
  return randomBytes(16).toString("base64url");
}
