import type { SecretScheme } from "@latchkey/server/domain";

import type { AttemptKey } from "./attempt-keeper.ts";
import type { Bounds } from "./bounds.ts";
import type { Intern, Interned } from "./interner.ts";
import { createIntern } from "./interner.ts";
import type { Asked, Job } from "./messages.ts";
import type { Protocol } from "./protocol.ts";
import type { Row } from "./store.ts";
import { NOBODY_SERVED } from "./store.ts";
import { createSymbolicSecrets } from "./symbolic-secrets.ts";
import type { Thief } from "./thief.ts";
import { NO_THIEF } from "./thief.ts";
import type { Token } from "./token.ts";

/** The honest client's credential store, shared by all its tabs. */
export interface Jar {
  readonly token: Interned<Token>;
  readonly keys: readonly AttemptKey[];
}

/**
 * The client has been told to wait while its jar held nothing newer than what it asked with; then time passed; then it was
 * told so again, and its jar has not changed all the while.
 */
export type Patience = (typeof PATIENCE)[number];

export const PATIENCE = ["not tried", "told to wait", "has waited", "told again"] as const;

/** Everything there is at one moment. Immutable; bags of messages are kept in order of their numbers. */
export interface World {
  readonly row: Interned<Row>;
  /** What a crash may bring back, oldest first: the rows since the last durable write. */
  readonly older: readonly Interned<Row>[];
  readonly jar: Interned<Jar>;
  /** What a crash of the client may bring back; empty where none is left to happen. */
  readonly olderJars: readonly Interned<Jar>[];
  readonly keysMade: number;
  readonly requests: readonly Interned<Asked>[];
  /** Requests that a server node has read the row for, and judged, and not yet written. */
  readonly jobs: readonly Interned<Job>[];
  /** Answers under way that carry a token to the honest client. */
  readonly answers: readonly Interned<Token>[];
  readonly thief: Interned<Thief>;
  readonly now: number;
  /** The newest generation that the jar has held… */
  readonly newestHeld: number;
  /** …and whether an answer more than one rotation late has since set it back: from there on G1 is not promised. */
  readonly setFarBack: boolean;
  readonly patience: Patience;
  /** Whether a revocation was ever answered: what G3 measures the row against. */
  readonly revoked: boolean;
  readonly left: Bounds;
}

/** What stays the same throughout one exploration. */
export interface Setting {
  readonly protocol: Protocol;
  readonly bounds: Bounds;
  readonly intern: Intern;
  readonly scheme: SecretScheme;
}

export function createSetting(protocol: Protocol, bounds: Bounds): Setting {
  return { protocol, bounds, intern: createIntern(), scheme: createSymbolicSecrets() };
}

export const HONEST_JKT = "the client's key";

/** Just signed in: the first token is in the jar and its row on disk. */
export function initialWorld({ protocol, bounds, intern, scheme }: Setting): World {
  const { idle, absolute } = protocol.times;
  const token = intern({ generation: 0, secret: "s0", expiresAt: Math.min(idle, absolute) });
  return {
    row: intern({
      state: {
        id: "session",
        clientId: "app",
        generation: 0,
        secretHash: scheme.hash(token.secret),
        attempts: [],
        attemptKeysUsed: false,
        jkt: protocol.strength === "proof of possession" ? HONEST_JKT : null,
        rotatedAt: 0,
        idleExpiresAt: token.expiresAt,
        expiresAt: absolute,
        revokedAt: null,
      },
      served: NOBODY_SERVED,
    }),
    older: [],
    jar: intern({ token, keys: [] }),
    olderJars: [],
    keysMade: 0,
    requests: [],
    jobs: [],
    answers: [],
    thief: intern(NO_THIEF),
    now: 0,
    newestHeld: 0,
    setFarBack: false,
    patience: "not tried",
    revoked: false,
    left: bounds,
  };
}

/** Writes the row; what stood there before is what a crash may bring back. */
export function writeRow(world: World, row: Interned<Row>, durability: "durable" | "relaxed"): World {
  if (durability === "durable" || world.left.crashes === 0) return { ...world, row, older: [] };
  return { ...world, row, older: [...world.older, world.row] };
}

export function writeJar(world: World, jar: Interned<Jar>): World {
  if (jar === world.jar) return world;
  const patience = jar.token === world.jar.token ? world.patience : "not tried";
  return { ...world, jar, patience, olderJars: world.left.jarCrashes === 0 ? [] : [...world.olderJars, world.jar] };
}

/** A bag with one more, in order of the numbers, so that equal bags are equal lists. */
export function withOne<T extends { readonly index: number }>(bag: readonly T[], one: T): readonly T[] {
  const at = bag.findIndex((other) => other.index > one.index);
  return at === -1 ? [...bag, one] : bag.toSpliced(at, 0, one);
}

export function withoutOne<T>(bag: readonly T[], one: T): readonly T[] {
  return bag.toSpliced(bag.indexOf(one), 1);
}

export function spend(left: Bounds, what: keyof Bounds): Bounds {
  return { ...left, [what]: left[what] - 1 };
}
