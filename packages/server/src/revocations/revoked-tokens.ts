import type { Clock } from "../ports/clock.ts";
import { createExpiringKeys } from "./expiring-keys.ts";
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

export function createRevokedTokens(options: {
  readonly feed: Pick<RevocationFeed, "subscribe" | "catchUp">;
  readonly clock: Clock;
}): RevokedTokens {
  const { feed, clock } = options;
  const revoked = createExpiringKeys<string>(clock);
  let isSubscribed = false;

  const subscribe = (): void => {
    isSubscribed = true;
    feed.subscribe((revocations) => {
      for (const { kind, id, until } of revocations) if (kind === "token") revoked.add(id, until);
    });
  };

  return {
    async isRevoked(tokenId) {
      // Here and not at the start: an authority that is never asked reads no log.
      if (!isSubscribed) subscribe();
      await feed.catchUp();
      return revoked.has(tokenId);
    },
  };
}
