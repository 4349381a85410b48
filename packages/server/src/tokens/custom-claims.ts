import type { AudienceProfile } from "./audience-profile.ts";
import { isSettledClaim } from "./audience-profile.ts";

/** How much of a token may be the operator's own, in bytes of JSON: tokens travel with every request, and in cookies. */
export const MAX_CUSTOM_CLAIMS_BYTES = 2_048;
const MAX_NAME_LENGTH = 128;
const NAMES_OF_OBJECTS: readonly string[] = ["__proto__", "constructor", "prototype"];

/**
 * Claims that a hook has answered with, as plain JSON.
 *
 * @throws TypeError where no token may say that; it names the claim, never its value
 */
export function parseCustomClaims(
  answered: unknown,
  profile: Pick<AudienceProfile, "rolesClaim">,
): Readonly<Record<string, unknown>> {
  if (typeof answered !== "object" || answered === null || Array.isArray(answered)) {
    throw new TypeError("hooks.claims must answer with an object; {} for no claims.");
  }
  const text = JSON.stringify(answered);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_CUSTOM_CLAIMS_BYTES) {
    throw new TypeError(`hooks.claims answered with ${bytes} bytes; ${MAX_CUSTOM_CLAIMS_BYTES} is the most.`);
  }
  const claims: unknown = JSON.parse(text);
  // An object that has a say in how it is written may have written something else.
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) {
    throw new TypeError("hooks.claims must answer with a plain object.");
  }
  for (const name of Object.keys(claims)) {
    if (name === "" || name.length > MAX_NAME_LENGTH || NAMES_OF_OBJECTS.includes(name)) {
      throw new TypeError("hooks.claims answered with a claim that has no proper name.");
    }
    if (isSettledClaim(name) || name === profile.rolesClaim) {
      throw new TypeError(`hooks.claims answered with ${name}, which is settled by the authority.`);
    }
  }
  return claims as Readonly<Record<string, unknown>>;
}
