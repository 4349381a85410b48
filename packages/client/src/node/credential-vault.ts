import { createHash } from "node:crypto";

import { formatAttemptCookie } from "@latchkey/protocol";

import { chooseAttemptKeys, findAttemptKey } from "../core/attempt-key-choice.ts";
import type { CredentialStore, Credentials } from "../core/ports.ts";
import type { UsableAnswer } from "../core/session.ts";
import { isRecord, parseSessionAnswer } from "../core/session.ts";
import type { TokenStore } from "./token-store.ts";

/** What the authority granted by body transport. */
export interface Grant {
  readonly refreshToken: string;
  readonly answer: UsableAnswer;
  /** When the access token's life began, at the earliest, by the device's clock. */
  readonly bornAtWallMs: number;
}

/** A grant as the store has it, and the attempt keys of its session, newest first. */
export interface HeldGrant extends Grant, Credentials {
  readonly attemptKeys: readonly string[];
}

/**
 * The credentials of one client at one authority. Every change is a compare-and-set: it is decided anew whenever another
 * process was first, so nothing older ever replaces anything newer.
 */
export interface CredentialVault {
  readonly credentials: CredentialStore;
  read(): HeldGrant | undefined;
  /** Takes over the session of a sign-in; answers the refresh token of the one it replaces. */
  begin(grant: Grant): string | undefined;
  /** Stores the answer to a refresh of these credentials; answers whether it is what the store holds now. */
  advance(version: string, grant: Grant): boolean;
  /** The refresh token of these credentials, even if this process has let go of them. */
  findRefreshToken(version: string): string | undefined;
}

/** Each round somebody else has made progress. */
const MAX_ROUNDS = 1_000;

export function createCredentialVault(
  store: TokenStore,
  { issuer, randomBytes }: { readonly issuer: string; readonly randomBytes: (length: number) => Uint8Array },
): CredentialVault {
  /** Still needed to tell the authority. */
  const released = new Map<string, string>();

  const read = (): HeldGrant | undefined => parseGrant(store.read()?.text, issuer);

  /** `undefined`: leave it as it is. `"nothing"`: nobody is signed in. */
  function change(decide: (held: HeldGrant | undefined) => Content | "nothing" | undefined): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const stored = store.read();
      const next = decide(parseGrant(stored?.text, issuer));
      if (next === undefined) return;
      const text = JSON.stringify(next === "nothing" ? { issuer } : contentOf(issuer, next));
      if (store.replace(stored?.revision ?? 0, text)) return;
    }
    throw new Error("The token store takes no change.");
  }

  return {
    read,

    credentials: {
      read,

      prepareAttempt(credentials, insists) {
        change((held) => {
          if (held?.version !== credentials.version) return undefined;
          const kept = formatAttemptCookie(held.attemptKeys);
          const attemptKeys = chooseAttemptKeys(credentials, kept, randomBytes, insists);
          return formatAttemptCookie(attemptKeys) === kept ? undefined : { ...held, attemptKeys };
        });
      },

      isPrepared: (credentials) =>
        findAttemptKey(credentials, formatAttemptCookie(read()?.attemptKeys ?? [])) !== undefined,

      // Keys are stored with their session, and go with it.
      clearAttempts: () => undefined,

      forget({ version }) {
        change((held) => {
          // By session: another process may just have refreshed this one, and it is over all the same.
          if (held === undefined || sessionIdOf(held.version) !== sessionIdOf(version)) return undefined;
          released.set(version, held.refreshToken);
          return "nothing";
        });
      },
    },

    begin(grant) {
      let replaced: string | undefined;
      change((held) => {
        if (held?.answer.session_id === grant.answer.session_id) return undefined;
        replaced = held?.refreshToken;
        return { ...grant, attemptKeys: [] };
      });
      return replaced;
    },

    advance(version, grant) {
      change((held) => (held?.version === version ? { ...grant, attemptKeys: held.attemptKeys } : undefined));
      return read()?.version === versionOf(grant);
    },

    findRefreshToken(version) {
      const held = read();
      return held?.version === version ? held.refreshToken : released.get(version);
    },
  };
}

type Content = Grant & Pick<HeldGrant, "attemptKeys">;

interface StoredContent {
  readonly issuer: string;
  readonly refresh_token: string;
  readonly attempt_keys: readonly string[];
  readonly session: UsableAnswer;
  /** Milliseconds since 1970. */
  readonly obtained_at: number;
}

function contentOf(issuer: string, { refreshToken, attemptKeys, answer, bornAtWallMs }: Content): StoredContent {
  return {
    issuer,
    refresh_token: refreshToken,
    attempt_keys: attemptKeys,
    session: answer,
    obtained_at: bornAtWallMs,
  };
}

/** `undefined` where nobody is signed in, for what cannot be read, and for what belongs to another authority. */
function parseGrant(text: string | undefined, issuer: string): HeldGrant | undefined {
  const content = text === undefined ? undefined : parseJson(text);
  if (!isRecord(content) || content["issuer"] !== issuer) return undefined;
  const { refresh_token: refreshToken, attempt_keys: attemptKeys, session, obtained_at: bornAtWallMs } = content;
  const answer = parseSessionAnswer(session);
  if (typeof refreshToken !== "string" || answer === undefined || typeof bornAtWallMs !== "number") return undefined;
  if (!Array.isArray(attemptKeys) || !attemptKeys.every((key) => typeof key === "string")) return undefined;
  const grant = { refreshToken, answer, bornAtWallMs };
  return { ...grant, attemptKeys, version: versionOf(grant), generation: generationOf(refreshToken) };
}

/** Names the session and its generation without giving the token away. */
function versionOf({ answer, refreshToken }: Grant): string {
  return `${answer.session_id}.${createHash("sha256").update(refreshToken).digest("base64url")}`;
}

function sessionIdOf(version: string): string {
  return version.slice(0, version.lastIndexOf("."));
}

/** Refresh tokens are the authority's own affair; where this one's says its number, the attempt key can name it. */
function generationOf(refreshToken: string): number | undefined {
  const payload = parseJson(Buffer.from(refreshToken.split(".")[1] ?? "", "base64url").toString("utf8"));
  const generation = isRecord(payload) ? payload["gen"] : undefined;
  return typeof generation === "number" && Number.isSafeInteger(generation) ? generation : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
