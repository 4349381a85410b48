import type { Clock } from "../ports/clock.ts";
import type { RevocationFeed } from "./revocation-feed.ts";

/** The access tokens that were revoked one by one; what the store knows of sessions and users is not asked here. */
export interface RevokedTokens {
  /**
   * Whether the token of this `jti` was, by anything answered before, on whatever node.
   *
   * @throws where the store cannot be read
   */
  isRevoked(tokenId: string): Promise<boolean>;
}

/** How many of those whose time is over are kept before all of them are dropped together. */
const MIN_SWEEP = 1_000;

export function createRevokedTokens(options: {
  readonly feed: Pick<RevocationFeed, "subscribe" | "catchUp">;
  readonly clock: Clock;
}): RevokedTokens {
  const { feed, clock } = options;
  const untilById = new Map<string, number>();
  let sweepAt = MIN_SWEEP;
  let isSubscribed = false;

  const sweep = (): void => {
    const now = clock();
    for (const [id, until] of untilById) if (until <= now) untilById.delete(id);
    sweepAt = Math.max(2 * untilById.size, MIN_SWEEP);
  };

  const subscribe = (): void => {
    isSubscribed = true;
    feed.subscribe((revocations) => {
      for (const { kind, id, until } of revocations) if (kind === "token") untilById.set(id, until);
      if (untilById.size >= sweepAt) sweep();
    });
  };

  return {
    async isRevoked(tokenId) {
      // Here and not at the start: an authority that is never asked reads no log.
      if (!isSubscribed) subscribe();
      await feed.catchUp();
      return untilById.has(tokenId);
    },
  };
}
