import type { Bounds } from "./bounds.ts";
import { NOTHING } from "./bounds.ts";
import type { Protocol, Strength } from "./protocol.ts";
import { protocolOf } from "./protocol.ts";

/** One question put to the model: a kind of client, and how much of what may befall it. */
export interface NamedExploration {
  readonly name: string;
  readonly strength: Strength;
  readonly bounds: Bounds;
  /** Part of the first look (`--quick`). */
  readonly isQuick: boolean;
  readonly protocol: Protocol;
}

/** In ticks: short enough that the clock of the model passes every limit. */
const TICKING = { retryWindow: 1, idle: 3, absolute: 5 };

const quick = (name: string, strength: Strength, bounds: Partial<Bounds>): NamedExploration => ({
  name,
  strength,
  bounds: { ...NOTHING, ...bounds },
  isQuick: true,
  protocol: protocolOf(strength, bounds.ticks === undefined ? {} : { times: TICKING }),
});

const long = (name: string, strength: Strength, bounds: Partial<Bounds>): NamedExploration => ({
  ...quick(name, strength, bounds),
  isQuick: false,
});

const KEYS = "attempt keys";
const BOUND = "proof of possession";
const PLAIN = "time alone";

export const EXPLORATIONS: readonly NamedExploration[] = [
  quick("keys: lost, late and repeated messages", KEYS, { sends: 8 }),
  quick("keys: a crash", KEYS, { sends: 7, crashes: 1 }),
  quick("keys: two crashes", KEYS, { sends: 6, crashes: 2 }),
  quick("keys: copies made by the network, a crash", KEYS, { sends: 5, duplicates: 2, crashes: 1 }),
  quick("keys: a crash, a sign-out", KEYS, { sends: 6, crashes: 1, signOuts: 1 }),
  quick("keys: the clock, a crash", KEYS, { sends: 4, ticks: 6, crashes: 1 }),
  quick("keys: a thief", KEYS, { sends: 3, thiefSends: 3 }),
  quick("keys: a busy client, a thief", KEYS, { sends: 4, thiefSends: 2 }),
  quick("keys: a thief, a crash, a sign-out", KEYS, { sends: 2, thiefSends: 2, crashes: 1, signOuts: 1 }),
  quick("keys: a thief, a crash", KEYS, { sends: 3, thiefSends: 2, crashes: 1 }),
  quick("bound: two crashes, an older jar", BOUND, { sends: 5, crashes: 2, jarCrashes: 1 }),
  quick("bound: a thief, a crash, a sign-out", BOUND, { sends: 4, thiefSends: 2, crashes: 1, signOuts: 1 }),
  quick("plain: the clock, a crash", PLAIN, { sends: 4, ticks: 5, crashes: 1 }),
  quick("plain: a thief, the clock, a sign-out", PLAIN, { sends: 2, thiefSends: 2, ticks: 3, signOuts: 1 }),

  long("keys: ten requests", KEYS, { sends: 10 }),
  long("keys: eight requests, a crash", KEYS, { sends: 8, crashes: 1 }),
  long("keys: seven requests, two crashes", KEYS, { sends: 7, crashes: 2 }),
  long("keys: a busy client, a busy thief", KEYS, { sends: 4, thiefSends: 3 }),
  long("keys: a busier client, a thief", KEYS, { sends: 5, thiefSends: 2 }),
  long("keys: a busy thief, a crash", KEYS, { sends: 2, thiefSends: 3, crashes: 1 }),
  long("keys: a busy client, a thief, a crash", KEYS, { sends: 4, thiefSends: 2, crashes: 1 }),
  long("keys: a thief, two crashes", KEYS, { sends: 3, thiefSends: 2, crashes: 2 }),
  long("keys: a thief, a crash, the clock", KEYS, { sends: 2, thiefSends: 2, crashes: 1, ticks: 4 }),
  long("keys: a thief, a crash, a late sign-out", KEYS, { sends: 3, thiefSends: 2, crashes: 1, signOuts: 1 }),
  long("bound: seven requests, two crashes, an older jar", BOUND, { sends: 7, crashes: 2, jarCrashes: 1 }),
  long("bound: a busy client, a thief, two crashes", BOUND, { sends: 5, thiefSends: 2, crashes: 2, signOuts: 1 }),
  long("plain: a busy client, a thief, the clock", PLAIN, { sends: 3, thiefSends: 2, ticks: 4 }),
  long("plain: five requests, the clock, a crash", PLAIN, { sends: 5, ticks: 5, crashes: 1 }),
];
