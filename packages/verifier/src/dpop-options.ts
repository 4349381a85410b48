import { randomBytes } from "node:crypto";

import { VerifierError } from "./errors.ts";
import { createMemoryReplayStore, type ReplayStore } from "./replay-store.ts";

/** How proofs of possession (DPoP, RFC 9449) are checked. */
export interface DpopOptions {
  /**
   * This API's own URL, or its URLs, as clients write them: scheme, host, and what proxies strip in front of paths. Proofs
   * must be for URLs below it. By default the origins of those audiences that are URLs. It is never taken from a request,
   * where `Host` and proxies' headers say what the sender wants.
   */
  readonly url?: string | readonly string[] | undefined;
  /** How long a proof may be used after it was made: 1 to 600 seconds, 60 by default. */
  readonly proofLifetimeSeconds?: number | undefined;
  /** Where used proofs are remembered: in this process by default. Several nodes of one API need one to share. */
  readonly replayStore?: ReplayStore | undefined;
  /**
   * What the nonces are made with that clients whose clocks are wrong are asked for: by default a secret of this process.
   * Several nodes of one API need one to share, or such a client is refused by the node that did not give it its nonce.
   */
  readonly nonce?: DpopNonceOptions | undefined;
}

export interface DpopNonceOptions {
  /** At least 32 random bytes, the same on every node of this API, and on no other server. */
  readonly secret: Uint8Array;
  /** Whether every proof must carry a nonce; otherwise one is asked for only where a client's clock is wrong. */
  readonly required?: boolean | undefined;
}

/** The options, checked, with every default in its place. */
export interface DpopSettings {
  /** Without a slash at the end. Where there are none, no proof can be checked and none is taken. */
  readonly urls: readonly string[];
  readonly proofLifetimeSeconds: number;
  readonly replayStore: ReplayStore;
  readonly nonce: { readonly secret: Uint8Array; readonly required: boolean };
}

const optionNames: readonly string[] = [
  "url",
  "proofLifetimeSeconds",
  "replayStore",
  "nonce",
] satisfies readonly (keyof DpopOptions)[];

/** @throws VerifierError `invalid_options`, naming the option and how to mend it */
export function parseDpopOptions(
  options: DpopOptions | undefined,
  context: { readonly audiences: readonly string[]; readonly clock: () => number },
): DpopSettings {
  const given = options ?? {};
  if (typeof given !== "object") throw invalid("dpop", "must be an object");
  const unknown = Object.keys(given).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) throw invalid(`dpop.${unknown}`, `is no option; known are ${optionNames.join(", ")}`);

  const { url, proofLifetimeSeconds = 60, replayStore = createMemoryReplayStore(context.clock) } = given;
  if (!Number.isInteger(proofLifetimeSeconds) || proofLifetimeSeconds < 1 || proofLifetimeSeconds > 600) {
    throw invalid("dpop.proofLifetimeSeconds", "must be a whole number of seconds from 1 to 600");
  }
  if (typeof replayStore?.consume !== "function") {
    throw invalid("dpop.replayStore", "must be an object with a function `consume`");
  }
  return {
    urls: url === undefined ? originsOf(context.audiences) : parseUrls(url),
    proofLifetimeSeconds,
    replayStore,
    nonce: parseNonce(given.nonce),
  };
}

function originsOf(audiences: readonly string[]): readonly string[] {
  return [
    ...new Set(audiences.filter((name) => /^https?:\/\//.test(name)).flatMap((name) => URL.parse(name)?.origin ?? [])),
  ];
}

function parseUrls(url: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(url) ? url : [url];
  if (list.length === 0) throw invalid("dpop.url", "must not be empty");
  return list.map((entry) => {
    const parsed = typeof entry === "string" && /^https?:\/\/[^\s\\?#@]+$/.test(entry) ? URL.parse(entry) : null;
    if (parsed === null) {
      throw invalid("dpop.url", "must be this API's own URL, for example https://api.example.com, without a query");
    }
    return parsed.href.replace(/\/$/, "");
  });
}

function parseNonce(nonce: DpopNonceOptions | undefined): DpopSettings["nonce"] {
  if (nonce === undefined) return { secret: randomBytes(32), required: false };
  const { secret, required = false } = nonce;
  if (!(secret instanceof Uint8Array) || secret.length < 32) {
    throw invalid("dpop.nonce.secret", "must be at least 32 random bytes");
  }
  if (typeof required !== "boolean") throw invalid("dpop.nonce.required", "must be true or false");
  return { secret, required };
}

function invalid(name: string, fault: string): VerifierError {
  return new VerifierError("invalid_options", `${name}: ${fault}.`);
}
