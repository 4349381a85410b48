import { AuthError } from "../errors.ts";
import { networkOf } from "../flows/rate-limits.ts";

/** How many nobody knows may follow a public revocation feed at once. A node counts for itself. */
export interface FollowerLimits {
  readonly perNode: number;
  readonly perNetwork: number;
}

export interface FollowerPlaces {
  /**
   * Takes a place for who follows from this address; answers what gives it up, once.
   *
   * @throws AuthError `unavailable` where there is none
   */
  take(address: string | null): () => void;
}

const RETRY_AFTER_SECONDS = 30;

export function createFollowerPlaces({ perNode, perNetwork }: FollowerLimits): FollowerPlaces {
  const taken = new Map<string, number>();
  let all = 0;

  return {
    take(address) {
      const network = networkOf(address);
      const ofNetwork = network === undefined ? 0 : (taken.get(network) ?? 0);
      if (all >= perNode || ofNetwork >= perNetwork) {
        throw new AuthError("unavailable", { retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      all += 1;
      if (network !== undefined) taken.set(network, ofNetwork + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        all -= 1;
        if (network === undefined) return;
        const left = (taken.get(network) ?? 0) - 1;
        if (left > 0) taken.set(network, left);
        else taken.delete(network);
      };
    },
  };
}
