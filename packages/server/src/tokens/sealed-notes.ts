import type { KeyObject } from "node:crypto";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import type { RefreshKeys } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";

/** What a note is for; one for another purpose is none. */
export type NotePurpose = "authorization-request" | "pushed-request" | "authorization-code";

/**
 * What the authority knows of a request that is under way, carried by the browser in place of a row: sealed, so that nobody
 * can read it, change it or make one up. So anybody may begin as often as they like, and nothing is written for it.
 */
export interface SealedNotes {
  /** Text for URLs. @param expiresAt seconds since 1970; `null` for what something else ends */
  seal(purpose: NotePurpose, content: object, expiresAt: number | null): string;
  /** What was sealed; `undefined` for whatever is no note of this purpose, or one whose time is over. */
  open(purpose: NotePurpose, text: string): object | undefined;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function createSealedNotes(options: {
  readonly issuer: string;
  readonly refreshKeys: Pick<RefreshKeys, "at" | "all">;
  readonly clock: Clock;
}): SealedNotes {
  const { issuer, refreshKeys, clock } = options;
  const boundTo = (purpose: NotePurpose): Buffer => Buffer.from(`latchkey note v1\n${purpose}\n${issuer}`);

  const unseal = (key: KeyObject, purpose: NotePurpose, sealed: Buffer): string | undefined => {
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(boundTo(purpose)).setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const start = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([start, decipher.final()]).toString("utf8");
    } catch {
      // Of another key, or nobody's: the tag says no more than that.
      return undefined;
    }
  };

  return {
    seal(purpose, content, expiresAt) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", refreshKeys.at(clock()).noteKey, nonce, {
        authTagLength: TAG_BYTES,
      });
      cipher.setAAD(boundTo(purpose));
      const sealed = [nonce, cipher.update(JSON.stringify({ content, expiresAt })), cipher.final()];
      return Buffer.concat([...sealed, cipher.getAuthTag()]).toString("base64url");
    },

    open(purpose, text) {
      if (!/^[\w-]{40,16384}$/.test(text)) return undefined;
      const sealed = Buffer.from(text, "base64url");
      // One text for one note: what is remembered of it as used is its hash.
      if (sealed.toString("base64url") !== text) return undefined;
      for (const { noteKey } of refreshKeys.all) {
        const opened = unseal(noteKey, purpose, sealed);
        if (opened === undefined) continue;
        const { content, expiresAt } = JSON.parse(opened) as { content: object; expiresAt: number | null };
        return expiresAt !== null && clock() >= expiresAt ? undefined : content;
      }
      return undefined;
    },
  };
}
