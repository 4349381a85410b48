import { decodeUnverifiedHeader, JwtError, verifyJws } from "@latchkey/jwt";
import { parseBatch, REVOCATION_BATCH_TYPE, type RevocationBatch } from "@latchkey/protocol";

import type { KeySet } from "../key-set.ts";
import { type FeedFailure, feedFailure } from "./feed-failure.ts";

/** As long as a JWS may be here (`@latchkey/jwt`). */
export const MAX_BATCH_LENGTH = 65_536;

export type BatchReading =
  | { readonly kind: "batch"; readonly batch: RevocationBatch }
  | { readonly kind: "failed"; readonly failure: FeedFailure };

export interface BatchReaderOptions {
  readonly issuer: string;
  readonly keySet: Pick<KeySet, "find" | "lookUp">;
  readonly isKeyRevoked: (kid: string) => boolean;
  readonly leewaySeconds: number;
  readonly clock: () => number;
}

/**
 * Reads batches, and believes only what a published key of the issuer has signed as one. An unknown key is asked for, as for
 * tokens. Never rejects.
 */
export function createBatchReader(options: BatchReaderOptions): (jws: string) => Promise<BatchReading> {
  const { issuer, keySet, isKeyRevoked, leewaySeconds, clock } = options;
  const utf8 = new TextDecoder("utf-8", { fatal: true });

  function readVerified(jws: string): RevocationBatch | undefined {
    const { payload } = verifyJws(jws, ({ kid }) => (kid === undefined ? undefined : keySet.find(kid)), {
      maxTokenBytes: MAX_BATCH_LENGTH,
    });
    const claims: unknown = JSON.parse(utf8.decode(payload));
    if (typeof claims !== "object" || claims === null || Array.isArray(claims)) return undefined;
    return parseBatch(claims as Readonly<Record<string, unknown>>);
  }

  return async (jws) => {
    try {
      const { typ, kid } = decodeUnverifiedHeader(jws);
      if (typ !== REVOCATION_BATCH_TYPE) return bad("is of another type");
      if (kid === undefined) return bad("names no key");
      if (isKeyRevoked(kid)) return bad("is signed with a revoked key");
      if (keySet.find(kid) === undefined) {
        const lookup = await keySet.lookUp(kid);
        if (lookup.kind === "absent") return bad("is signed with a key the issuer does not publish");
        if (lookup.kind === "unavailable") {
          return { kind: "failed", failure: feedFailure("no_keys", lookup.failure.message) };
        }
      }
      const batch = readVerified(jws);
      if (batch === undefined) return bad("is no batch of revocations");
      if (batch.iss !== issuer) return bad("is another issuer's");
      if (batch.iat > clock() + leewaySeconds) return bad("comes from the future: compare the clocks");
      return { kind: "batch", batch };
    } catch (error) {
      if (error instanceof JwtError) return bad(`is refused: ${error.message}`);
      // What JSON.parse and TextDecoder throw quotes the text, which is none of the log's business.
      if (error instanceof SyntaxError || error instanceof TypeError) return bad("holds no JSON");
      throw error;
    }
  };
}

function bad(fault: string): BatchReading {
  return { kind: "failed", failure: feedFailure("bad_batch", `A batch of revocations ${fault}.`) };
}
