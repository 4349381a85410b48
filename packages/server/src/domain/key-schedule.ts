/**
 * When a key signs, and for how long it is kept. A key's whole life follows from its row and the time: `next` (published,
 * not yet signing), `active` (signs), `retiring` (what it signed may live still), `retired` (nothing of it does). So nodes
 * that know the same rows agree at every moment, and nobody has to be there when a key's time comes.
 */
export type KeyState = "next" | "active" | "retiring" | "retired" | "revoked";

/**
 * What a key is for: signing access tokens; signing API tokens, which live long and so need their keys for long; the
 * secret behind refresh tokens, CSRF tokens and what else comes back to the authority; the order of places in status lists,
 * which stays as it is for ever; or checkpoints of the audit log, whose key stays as well, since what it signed is to be
 * checked years later.
 */
export type KeyPurpose = "access-token" | "api-token" | "refresh-token" | "status-place" | "audit-checkpoint";

/** All times are whole seconds since 1970. */
export interface KeyTimes {
  readonly kid: string;
  /** Since when it is published. */
  readonly createdAt: number;
  /** When it has been published for long enough to sign, whoever may have kept an older key set. */
  readonly readyAt: number;
  /** Signs from here on, until the next key does. */
  readonly activatesAt: number;
  /** For how long it is kept once it signs no more. */
  readonly retainSeconds: number;
  readonly revokedAt: number | null;
}

/** All durations are whole seconds. */
export interface KeyPolicy {
  /** For how long a key is published before it signs. */
  readonly publishAheadSeconds: number;
  /** For how long a key signs. */
  readonly rotationSeconds: number;
  /** How long what a key signed may live, with the slack that clocks need. */
  readonly retainSeconds: number;
}

/**
 * A change of what signs is written down this many seconds before it takes effect: every node has read it by then, and so
 * all agree on the key of each moment. Revocation alone does not wait.
 */
export const NOTICE_SECONDS = 5;

/** The key that signs at a time, or signed at a time that is past; `undefined` where there is none but revoked ones. */
export function signingKeyAt<Key extends KeyTimes>(keys: readonly Key[], time: number): Key | undefined {
  return createSigningSchedule(keys)(time);
}

/** {@link signingKeyAt}, for who asks often. */
export function createSigningSchedule<Key extends KeyTimes>(keys: readonly Key[]): (time: number) => Key | undefined {
  const ordered = inOrder(keys);
  return (time) => {
    let index = indexAt(ordered, time);
    // A key that was superseded never signs again: the place of a revoked one is taken by its successor.
    while (ordered[index]?.revokedAt !== null && index < ordered.length) index += 1;
    return ordered[index];
  };
}

/**
 * Until when the key of a time was another than it is now, because that one has been revoked, and perhaps its successor
 * too; `undefined` where it never was. With the notice that every node needs to have read of it.
 */
export function createReplacementLookup(keys: readonly KeyTimes[]): (time: number) => number | undefined {
  const ordered = inOrder(keys);
  return (time) => {
    let until: number | undefined;
    for (let index = indexAt(ordered, time); index < ordered.length; index++) {
      const revokedAt = ordered[index]?.revokedAt ?? null;
      if (revokedAt === null) break;
      until = Math.max(until ?? 0, revokedAt + NOTICE_SECONDS);
    }
    return until;
  };
}

function indexAt(ordered: readonly KeyTimes[], time: number): number {
  return Math.max(
    ordered.findLastIndex((key) => key.activatesAt <= time),
    0,
  );
}

export function stateOf(key: KeyTimes, keys: readonly KeyTimes[], now: number): KeyState {
  if (key.revokedAt !== null) return "revoked";
  if (signingKeyAt(keys, now)?.kid === key.kid) return "active";
  if (key.activatesAt > now) return "next";
  const successor = inOrder(keys).find((other) => other.activatesAt > key.activatesAt);
  return successor !== undefined && successor.activatesAt + key.retainSeconds <= now ? "retired" : "retiring";
}

/** What is to be done to the keys of one kind. */
export interface KeyPlan<Key extends KeyTimes> {
  /** A new key, with these times. */
  readonly create: Pick<KeyTimes, "readyAt" | "activatesAt"> | undefined;
  /** Keys as they are to be from now on. */
  readonly change: readonly Key[];
}

/** What should happen now? There is always one key that signs and one that is published for when its time is over. */
export function planKeys<Key extends KeyTimes>(keys: readonly Key[], now: number, policy: KeyPolicy): KeyPlan<Key> {
  const raised = keys
    .filter((key) => key.revokedAt === null && key.retainSeconds < policy.retainSeconds)
    .map((key) => ({ ...key, retainSeconds: policy.retainSeconds }));
  const active = signingKeyAt(keys, now);
  if (active === undefined) return { create: { readyAt: now, activatesAt: now }, change: raised };
  const due = active.activatesAt + policy.rotationSeconds;
  const next = nextKey(keys, now);
  if (next === undefined) {
    const readyAt = now + policy.publishAheadSeconds;
    return { create: { readyAt, activatesAt: Math.max(readyAt, due) }, change: raised };
  }
  // A shorter rotation than the one it was planned with; a longer one leaves it as it is.
  const activatesAt = Math.max(due, next.readyAt, now + NOTICE_SECONDS);
  if (activatesAt >= next.activatesAt) return { create: undefined, change: raised };
  const sooner = { ...next, activatesAt, retainSeconds: Math.max(next.retainSeconds, policy.retainSeconds) };
  return { create: undefined, change: [...raised.filter((key) => key.kid !== next.kid), sooner] };
}

/**
 * Rotation on demand: the next key takes over as soon as it may. Says which key is to be replaced, so that of many who ask
 * at once one is heard; `undefined` where that one signs no more, or is to be replaced as soon already.
 */
export function planRotation<Key extends KeyTimes>(keys: readonly Key[], kid: string, now: number): Key | undefined {
  const next = nextKey(keys, now);
  if (next === undefined || signingKeyAt(keys, now)?.kid !== kid) return undefined;
  const activatesAt = Math.max(next.readyAt, now + NOTICE_SECONDS);
  return activatesAt < next.activatesAt ? { ...next, activatesAt } : undefined;
}

/** Emergency: the key is dead at once. If it signs, the next one does from now on, and where there is none, a new one. */
export function planRevocation<Key extends KeyTimes>(keys: readonly Key[], kid: string, now: number): KeyPlan<Key> {
  const key = keys.find((one) => one.kid === kid);
  if (key === undefined || key.revokedAt !== null) return { create: undefined, change: [] };
  const revoked = { ...key, revokedAt: now };
  if (signingKeyAt(keys, now)?.kid !== kid) return { create: undefined, change: [revoked] };
  const next = nextKey(keys, now);
  if (next === undefined) return { create: { readyAt: now, activatesAt: now }, change: [revoked] };
  return { create: undefined, change: [revoked, { ...next, activatesAt: now }] };
}

/** Published, and not yet signing. */
function nextKey<Key extends KeyTimes>(keys: readonly Key[], now: number): Key | undefined {
  return inOrder(keys).find((key) => key.revokedAt === null && key.activatesAt > now);
}

/** One key after the other as they sign, without those that were revoked before their time came. */
function inOrder<Key extends KeyTimes>(keys: readonly Key[]): readonly Key[] {
  return keys
    .filter((key) => key.revokedAt === null || key.revokedAt > key.activatesAt)
    .toSorted((a, b) => a.activatesAt - b.activatesAt || a.createdAt - b.createdAt || (a.kid < b.kid ? -1 : 1));
}
