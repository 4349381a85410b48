import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";

import pLimit from "p-limit";

import { AuthError } from "../errors.ts";
import type { HashingPlace, PasswordHasher } from "../ports/password-hasher.ts";
import { IN_THREADS } from "./derivations/in-threads.ts";
import { equalBytes } from "./foreign-hashes/equal-bytes.ts";
import { parseForeignHash } from "./foreign-hashes/foreign-hash.ts";

/** Argon2id's costs. */
export interface Argon2Costs {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. */
export const DEFAULT_ARGON2_COSTS: Argon2Costs = { memoryKib: 19_456, passes: 2, parallelism: 1 };

export interface Argon2HasherOptions {
  readonly costs?: Argon2Costs;
  /**
   * How many hashes are computed at once; each takes a thread and the memory of its costs. Default: one fewer than there
   * are cores, at least 1 and at most 3, so that a core is left to whoever refreshes.
   */
  readonly concurrency?: number;
  /** How many may wait. Past that, `unavailable`: a flood of sign-ins must not starve everything else. */
  readonly maxWaiting?: number;
}

/**
 * Argon2id in the PHC string format. Computed by `@node-rs/argon2` where its binary is installed, which is more than twice
 * as fast as Node's own `crypto.argon2`; by the latter elsewhere. Both make the same strings. It checks what other software
 * made, too: see docs/passwords.md.
 */
export function createArgon2Hasher(options: Argon2HasherOptions = {}): PasswordHasher {
  const { costs = DEFAULT_ARGON2_COSTS, concurrency = spareCores(), maxWaiting = 64 } = options;
  const limit = pLimit(concurrency);
  const nothingSalt = randomBytes(SALT_BYTES);

  let taken = 0;
  const reserve = (): HashingPlace => {
    if (taken >= concurrency + maxWaiting) throw NO_ROOM;
    taken += 1;
    let isReleased = false;
    return {
      release() {
        if (!isReleased) taken -= 1;
        isReleased = true;
      },
    };
  };
  const inTurn = async <Result>(work: () => Promise<Result>, given?: HashingPlace): Promise<Result> => {
    if (given !== undefined) return limit(work);
    const place = reserve();
    try {
      return await limit(work);
    } finally {
      place.release();
    }
  };
  const compute = (input: { password: string; salt: Uint8Array }, as: TagCosts, place?: HashingPlace) =>
    inTurn(() => IN_THREADS.argon2id({ ...input, ...as }), place);
  const own: TagCosts = { ...costs, tagBytes: TAG_BYTES };

  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES);
      return formatPhc({ costs, salt, tag: await compute({ password, salt }, own) });
    },

    reserve,

    async verify(password, hash, place) {
      const stored = parsePhc(hash);
      if (stored !== undefined) {
        const { salt, tag } = stored;
        const as = { ...stored.costs, tagBytes: tag.length };
        return equalBytes(await compute({ password, salt }, as, place), tag);
      }
      const foreign = parseForeignHash(hash);
      if (foreign === undefined) throw new Error("a stored password hash is of no kind that can be checked");
      return inTurn(() => foreign.verify(password, IN_THREADS), place);
    },

    needsRehash(hash) {
      const stored = parsePhc(hash);
      return stored === undefined || formatPhc({ ...stored, costs }) !== hash || stored.tag.length !== TAG_BYTES;
    },

    async verifyNothing(password, place) {
      await compute({ password, salt: nothingSalt }, own, place);
      return false;
    },

    get load() {
      return { running: limit.activeCount, waiting: limit.pendingCount };
    },
  };
}

/** Whether this is a password hash that can be checked, at a cost that is bearable: one of Latchkey's own, or from elsewhere. */
export function isPasswordHash(text: string): boolean {
  return parsePhc(text) !== undefined || parseForeignHash(text) !== undefined;
}

function spareCores(): number {
  return Math.max(1, Math.min(3, availableParallelism() - 1));
}

type TagCosts = Argon2Costs & { readonly tagBytes: number };

const SALT_BYTES = 16;
const TAG_BYTES = 32;

/**
 * What a full queue takes, and as much again. One for all: to note where each was thrown, which is of no interest, took as
 * long as the rest of the refusal.
 */
const NO_ROOM = new AuthError("unavailable", { retryAfterSeconds: 2 });

/** What may be asked of the machine to check one password: hashes come from elsewhere, too. */
const MAX_MEMORY_KIB = 2 ** 18;
const MAX_MEMORY_PASSES_KIB = 2 ** 20;

interface PhcHash {
  readonly costs: Argon2Costs;
  readonly salt: Uint8Array;
  readonly tag: Uint8Array;
}

function formatPhc({ costs, salt, tag }: PhcHash): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replace(/=+$/, "");
  const { memoryKib, passes, parallelism } = costs;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

function parsePhc(text: string): PhcHash | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, memoryKib, passes, parallelism, salt = "", tag = ""] = match;
  const parsed = {
    costs: { memoryKib: Number(memoryKib), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
  return isBearable(parsed) ? parsed : undefined;
}

/** What RFC 9106 §3.1 asks for, and no more than anybody has a reason to. */
function isBearable({ costs: { memoryKib, passes, parallelism }, salt, tag }: PhcHash): boolean {
  return (
    passes >= 1 &&
    parallelism >= 1 &&
    memoryKib >= 8 * parallelism &&
    memoryKib <= MAX_MEMORY_KIB &&
    memoryKib * passes <= MAX_MEMORY_PASSES_KIB &&
    salt.length >= 8 &&
    salt.length <= 64 &&
    tag.length >= 16 &&
    tag.length <= 64
  );
}
