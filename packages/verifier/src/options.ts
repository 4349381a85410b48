import type { TokenCacheOptions } from "@latchkey/jwt";

import { type AccessCookieOptions, createAccessCookieReader, type ReadAccessCookie } from "./access-cookie.ts";
import { type ApiTokenOptions, type ApiTokenSettings, parseApiTokenOptions } from "./api-token-options.ts";
import { type DpopOptions, type DpopSettings, parseDpopOptions } from "./dpop-options.ts";
import { VerifierError } from "./errors.ts";
import { findIssuerFault } from "./issuer-url.ts";
import {
  parseRevocationOptions,
  type RevocationOptions,
  type RevocationSettings,
} from "./revocation/revocation-options.ts";

/** What a verifier trusts, and how patient it is. All durations are whole seconds. */
export interface VerifierOptions {
  /**
   * The authority's URL, byte for byte the `iss` of its tokens, and where its metadata and keys are fetched. `https:`, or
   * `http:` on loopback for development.
   */
  readonly issuer: string;
  /** This API's name: tokens must carry it (or one of these) in `aud`, exactly. */
  readonly audience: string | readonly string[];
  /** How far clocks may differ: 0 to 60, 5 by default. */
  readonly leewaySeconds?: number | undefined;
  /** How often the keys are fetched anew: 10 to 86,400, 300 by default. A key the issuer withdrew is trusted this long. */
  readonly keyRefreshSeconds?: number | undefined;
  /**
   * How long fetched keys serve on while the issuer cannot be reached: up to 7 days, 86,400 (one day) by default. After that
   * every request is answered 503 until the issuer is back.
   */
  readonly maxKeyAgeSeconds?: number | undefined;
  /** How long the issuer may take to hand out metadata and keys together: 1 to 30, 5 by default. */
  readonly fetchTimeoutSeconds?: number | undefined;
  /**
   * Verified tokens are remembered: 10,000 of them, 8 MiB of their text, each for 300 seconds at most. `false` verifies every
   * token anew. A remembered token stops with its key, at its `exp`, and wherever a new one would be refused.
   */
  readonly tokenCache?: TokenCacheOptions | false | undefined;
  /**
   * For an API on the authority's own host: without `Authorization`, the access token is taken from its cookie. Off by
   * default: who takes cookies must tell its own pages from others.
   */
  readonly accessCookie?: AccessCookieOptions | undefined;
  /** For access tokens that are bound to a key. */
  readonly dpop?: DpopOptions | undefined;
  /**
   * How revocations are heard of. By default the issuer's feed is followed where it is public; with this it must be there, or
   * `ready()` rejects. `false` ignores it: tokens are then good until they expire.
   */
  readonly revocation?: RevocationOptions | false | undefined;
  /**
   * Whether `withApiTokens()` may be called, which makes a verifier that takes API tokens as well. Off by default; this
   * verifier itself takes none in any case.
   */
  readonly apiTokens?: ApiTokenOptions | boolean | undefined;
  /** The global `fetch` by default. It must honour `signal` and `redirect: "manual"`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Seconds since 1970; the system's clock by default. */
  readonly clock?: (() => number) | undefined;
}

/** The options, checked, with every default in its place. */
export interface Settings {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly leewaySeconds: number;
  readonly keyRefreshSeconds: number;
  readonly maxKeyAgeSeconds: number;
  readonly fetchTimeoutSeconds: number;
  /** `undefined`: no cache. */
  readonly tokenCache: TokenCacheOptions | undefined;
  /** `undefined`: cookies are not looked at. */
  readonly readAccessCookie: ReadAccessCookie | undefined;
  readonly dpop: DpopSettings;
  /** `undefined`: revocations are ignored. */
  readonly revocation: RevocationSettings | undefined;
  /** `undefined`: there are none. */
  readonly apiTokens: ApiTokenSettings | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: () => number;
}

const optionNames: ReadonlySet<string> = new Set([
  "issuer",
  "audience",
  "leewaySeconds",
  "keyRefreshSeconds",
  "maxKeyAgeSeconds",
  "fetchTimeoutSeconds",
  "tokenCache",
  "accessCookie",
  "dpop",
  "revocation",
  "apiTokens",
  "fetch",
  "clock",
] satisfies readonly (keyof VerifierOptions)[]);

const DAY = 86_400;

/** @throws VerifierError `invalid_options`, naming the option and how to mend it */
export function parseOptions(options: VerifierOptions): Settings {
  if (typeof options !== "object" || options === null) throw invalid("createVerifier", "needs { issuer, audience }");
  const unknown = Object.keys(options).find((name) => !optionNames.has(name));
  if (unknown !== undefined) throw invalid(unknown, `is no option; known are ${[...optionNames].join(", ")}`);

  const { issuer, fetch = globalThis.fetch, clock = systemClock } = options;
  const issuerFault = typeof issuer === "string" ? findIssuerFault(issuer) : "must be the authority's URL";
  if (issuerFault !== undefined) throw invalid("issuer", issuerFault);
  if (typeof fetch !== "function") throw invalid("fetch", "must be a function");
  if (typeof clock !== "function") throw invalid("clock", "must be a function");
  const keyRefreshSeconds = seconds(options, "keyRefreshSeconds", { min: 10, max: DAY, standard: 300 });
  const audiences = parseAudiences(options.audience);
  const revocation = parseRevocationOptions(options.revocation, issuer);
  return {
    issuer,
    audiences,
    leewaySeconds: seconds(options, "leewaySeconds", { min: 0, max: 60, standard: 5 }),
    keyRefreshSeconds,
    maxKeyAgeSeconds: seconds(options, "maxKeyAgeSeconds", { min: keyRefreshSeconds, max: 7 * DAY, standard: DAY }),
    fetchTimeoutSeconds: seconds(options, "fetchTimeoutSeconds", { min: 1, max: 30, standard: 5 }),
    tokenCache: parseTokenCache(options.tokenCache),
    readAccessCookie: createAccessCookieReader(options.accessCookie, issuer),
    dpop: parseDpopOptions(options.dpop, { audiences, clock }),
    revocation,
    apiTokens: parseApiTokenOptions(options.apiTokens, revocation),
    fetch,
    clock,
  };
}

function parseAudiences(audience: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  const names = list.filter((entry) => typeof entry === "string" && entry !== "").map(String);
  if (names.length === 0 || names.length !== list.length) {
    throw invalid("audience", "must name this API, or be a list of its names: without it, any API's token would do");
  }
  return names;
}

const tokenCacheRanges: ReadonlyMap<string, readonly [min: number, max: number]> = new Map([
  ["maxEntries", [1, 1_000_000]],
  ["maxBytes", [1024, 2 ** 30]],
  ["maxAgeSeconds", [1, 3600]],
] satisfies readonly [keyof TokenCacheOptions, [number, number]][]);

function parseTokenCache(limits: VerifierOptions["tokenCache"] = {}): TokenCacheOptions | undefined {
  if (limits === false) return undefined;
  if (typeof limits !== "object" || limits === null) {
    throw invalid("tokenCache", `must be false or an object of ${[...tokenCacheRanges.keys()].join(", ")}`);
  }
  for (const [name, value] of Object.entries(limits)) {
    const range = tokenCacheRanges.get(name);
    if (range === undefined) throw invalid(`tokenCache.${name}`, "is no option");
    const [min, max] = range;
    if (value !== undefined && (!Number.isInteger(value) || value < min || value > max)) {
      throw invalid(`tokenCache.${name}`, `must be a whole number from ${min} to ${max}`);
    }
  }
  return { ...limits };
}

function seconds(
  options: VerifierOptions,
  name: "leewaySeconds" | "keyRefreshSeconds" | "maxKeyAgeSeconds" | "fetchTimeoutSeconds",
  { min, max, standard }: { readonly min: number; readonly max: number; readonly standard: number },
): number {
  const value = options[name] ?? standard;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(name, `must be a whole number of seconds from ${min} to ${max}`);
  }
  return value;
}

function invalid(name: string, fault: string): VerifierError {
  return new VerifierError("invalid_options", `${name}: ${fault}.`);
}

function systemClock(): number {
  return Date.now() / 1000;
}
