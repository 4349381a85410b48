import { VerifierError } from "./errors.ts";
import type { RevocationSettings } from "./revocation/revocation-options.ts";

/** How API tokens are taken, by `verifier.withApiTokens()`. */
export interface ApiTokenOptions {
  /**
   * Whether the authority is told in which hour which token was used, for its user to see: every five minutes or so, in the
   * background. Needs `revocation.credentials`. Off by default.
   */
  readonly reportUses?: boolean | { readonly everySeconds?: number } | undefined;
}

export interface ApiTokenSettings {
  /** `undefined`: uses are not reported. */
  readonly reportEverySeconds: number | undefined;
}

const STANDARD_SECONDS = 300;

/**
 * `undefined` where there is to be no `withApiTokens()`.
 *
 * @throws VerifierError `invalid_options`
 */
export function parseApiTokenOptions(
  options: ApiTokenOptions | boolean | undefined,
  revocation: RevocationSettings | undefined,
): ApiTokenSettings | undefined {
  if (options === undefined || options === false) return undefined;
  if (options !== true && (typeof options !== "object" || options === null)) {
    throw invalid("", "must be true, false or an object of reportUses");
  }
  // Revoked ones would be good for as long as a year.
  if (revocation === undefined) throw invalid("", "need the revocation feed: leave out revocation: false");
  const { reportUses = false, ...others } = options === true ? {} : options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`.${unknown}`, "is no option; known is reportUses");
  if (reportUses === false) return { reportEverySeconds: undefined };
  if (revocation.authorize === undefined) {
    throw invalid(
      ".reportUses",
      "needs revocation: { credentials: { id, secret } }, as in the authority's resourceServers",
    );
  }
  const seconds = reportUses === true ? STANDARD_SECONDS : parseEvery(reportUses);
  return { reportEverySeconds: seconds };
}

function parseEvery(given: unknown): number {
  if (typeof given !== "object" || given === null || Object.keys(given).some((name) => name !== "everySeconds")) {
    throw invalid(".reportUses", "must be true, false or { everySeconds }");
  }
  const { everySeconds = STANDARD_SECONDS } = given as { readonly everySeconds?: unknown };
  if (typeof everySeconds !== "number" || !Number.isInteger(everySeconds) || everySeconds < 1 || everySeconds > 3600) {
    throw invalid(".reportUses.everySeconds", "must be a whole number of seconds from 1 to 3600");
  }
  return everySeconds;
}

function invalid(name: string, fault: string): VerifierError {
  return new VerifierError("invalid_options", `apiTokens${name}: ${fault}.`);
}
