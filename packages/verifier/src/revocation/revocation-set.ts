import type { Revocation } from "@latchkey/protocol";

import type { Refusal } from "../errors.ts";
import type { VerifiedAccessToken } from "../verified-access-token.ts";
import { createIdTable, type IdTable } from "./id-table.ts";
import { createKeyedHash } from "./keyed-hash.ts";

/** All that is revoked, as far as it was heard. */
export interface RevocationSet {
  /** Another one whenever a token that was alive may be dead; 0 while nothing was ever added. */
  readonly version: number;
  readonly size: number;
  add(revocations: readonly Revocation[]): void;
  /** Why the token is dead; synchronous, and free for kinds of revocation of which there are none. */
  findRevocation(token: VerifiedAccessToken): Refusal | undefined;
  readonly isKeyRevoked: (kid: string) => boolean;
  /** A short step of forgetting what has had its time; called again and again it comes around. */
  forget(now: number): void;
}

export function createRevocationSet(): RevocationSet {
  const hash = createKeyedHash();
  const tables: Readonly<Record<Revocation["kind"], IdTable>> = {
    session: createIdTable(hash, { hasValues: false }),
    subject: createIdTable(hash, { hasValues: true }),
    token: createIdTable(hash, { hasValues: false }),
    claims: createIdTable(hash, { hasValues: true }),
    key: createIdTable(hash, { hasValues: false }),
  };
  const { session, subject, token, claims, key } = tables;
  let version = 0;
  let time = 0;

  function has(table: IdTable, id: string | undefined): boolean {
    if (table.size === 0 || id === undefined) return false;
    hash.of(id);
    return table.find() !== undefined;
  }

  return {
    get version() {
      return version;
    },

    get size() {
      return session.size + subject.size + token.size + claims.size + key.size;
    },

    add(revocations) {
      let hasChanged = false;
      for (const revocation of revocations) {
        if (revocation.until <= time) continue;
        hash.of(revocation.id);
        if (tables[revocation.kind].add(revocation.until, valueOf(revocation))) hasChanged = true;
      }
      if (hasChanged) version += 1;
    },

    findRevocation({ kind, sessionId, subject: sub, tokenId, keyId, issuedAt, claimsEpoch }) {
      if (has(session, sessionId)) return { code: "invalid_token", reason: "revoked_session" };
      if (has(token, tokenId)) return { code: "invalid_token", reason: "revoked_token" };
      if (has(key, keyId)) return { code: "invalid_token", reason: "revoked_key" };
      if (subject.size === 0 && claims.size === 0) return undefined;
      hash.of(sub);
      const before = subject.size === 0 ? undefined : subject.find();
      if (before !== undefined && issuedAt <= before) return { code: "invalid_token", reason: "revoked_subject" };
      // An API token has no roles that could be old, and nothing to refresh it with.
      const epoch = claims.size === 0 || kind === "api-token" ? undefined : claims.find();
      if (epoch !== undefined && claimsEpoch < epoch) return { code: "stale_token", reason: "old_claims" };
      return undefined;
    },

    isKeyRevoked: (kid) => has(key, kid),

    forget(now) {
      time = Math.max(time, now);
      for (const table of Object.values(tables)) table.forget(time);
    },
  };
}

function valueOf(revocation: Revocation): number {
  if (revocation.kind === "subject") return revocation.before;
  return revocation.kind === "claims" ? revocation.epoch : 0;
}
