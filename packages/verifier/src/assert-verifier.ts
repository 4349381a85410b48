import { VerifierError } from "./errors.ts";
import type { Verifier } from "./verifier.ts";

/**
 * A guard without a verifier is found out when the routes are made, not at the first request.
 *
 * @throws VerifierError `invalid_options`
 */
export function assertVerifier(verifier: Verifier): void {
  if (typeof verifier?.authenticate !== "function") {
    throw new VerifierError("invalid_options", "guard: needs what createVerifier({ issuer, audience }) returns.");
  }
}
