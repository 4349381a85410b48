import type { ApiTokenPolicy } from "./domain/api-token.ts";
import type { KeyPolicy } from "./domain/key-schedule.ts";
import type { KeptLine } from "./keys/key-changes.ts";
import { BLIND_SECONDS } from "./keys/key-ring.ts";
import { REFRESH_KEY_ALGORITHM } from "./keys/refresh-key.ts";
import type { Settings } from "./settings.ts";
import type { AudienceProfile } from "./tokens/audience-profile.ts";

/** By how much the nodes' clocks may differ, in seconds. */
const CLOCK_SLACK_SECONDS = 120;

/** What keys there are to be, and for how long each is needed. */
export function keyLines({ keys, audiences, policy, statusList, apiTokens, oauth }: Settings): readonly KeptLine[] {
  const retained = (lifeSeconds: number): KeyPolicy => ({
    ...keys,
    retainSeconds: lifeSeconds + CLOCK_SLACK_SECONDS + BLIND_SECONDS,
  });
  const lives = audiences.map((profile) => profile.accessTokenTtlSeconds);
  // Status lists are good for a while, too, for who cannot fetch the next.
  const longestLife = Math.max(...lives, 3 * (statusList?.ttlSeconds ?? 0));
  const algorithms = new Set(audiences.map(({ alg }) => alg).filter((alg) => alg !== "HS256"));
  // What the authority says for itself, of tokens and of revocations, is signed so that anybody can check it.
  const own = algorithms.size === 0 ? (["ES256"] as const) : algorithms;
  const published = new Set([...own, ...(oauth?.clients.all ?? []).map(({ idTokenAlg }) => idTokenAlg)]);
  return [
    ...[...published].map((alg) => ({ purpose: "access-token", alg, policy: retained(longestLife) }) as const),
    ...(apiTokens === undefined ? [] : apiTokenLines(apiTokens, audiences, retained(apiTokens.maxLifetimeSeconds))),
    // A session's secrets are derived with one key for as long as it lives.
    { purpose: "refresh-token", alg: REFRESH_KEY_ALGORITHM, policy: retained(policy.limits.maxSeconds) },
    ...(statusList === undefined ? [] : [{ purpose: "status-place", alg: "HS256", policy: "permanent" } as const]),
  ];
}

/** Their keys are kept for as long as they live, so a key signs long enough that there are never many. */
function apiTokenLines(
  { audiences, maxLifetimeSeconds }: ApiTokenPolicy,
  profiles: readonly AudienceProfile[],
  policy: KeyPolicy,
): readonly KeptLine[] {
  const rotationSeconds = Math.max(policy.rotationSeconds, Math.ceil(maxLifetimeSeconds / MAX_RETIRING_API_TOKEN_KEYS));
  const algorithms = new Set(profiles.filter(({ audience }) => audiences.includes(audience)).map(({ alg }) => alg));
  return [...algorithms].map((alg) => ({ purpose: "api-token", alg, policy: { ...policy, rotationSeconds } }) as const);
}

const MAX_RETIRING_API_TOKEN_KEYS = 12;

/** The one place where the parts are chosen and put together. */
