import type { JwtAlgorithm } from "@latchkey/jwt";

import type { AuthEvent } from "../domain/event.ts";
import type { KeyPlan, KeyPolicy, KeyPurpose, KeyState } from "../domain/key-schedule.ts";
import { planKeys, planRevocation, planRotation, signingKeyAt, stateOf } from "../domain/key-schedule.ts";
import { ConfigurationError, KeyServiceError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { KeyChange, KeyStore, SealedKey, StoredKey } from "../ports/key-store.ts";
import type { SigningService } from "../ports/signing-service.ts";
import { makeAccessKey } from "./access-key.ts";
import { makeCheckpointKey } from "./checkpoint-key.ts";
import { makeRefreshKey } from "./refresh-key.ts";
import { makeServiceKey } from "./service-key.ts";
import { makeStatusPlaceKey } from "./status-place-key.ts";

/** Keys of one purpose and algorithm, which follow one another. */
export interface KeyLine {
  readonly purpose: KeyPurpose;
  readonly alg: JwtAlgorithm;
}

/** A line, and how its keys follow each other; `permanent`: there is one key, and it stays. */
export interface KeptLine extends KeyLine {
  readonly policy: KeyPolicy | "permanent";
}

/** What an operator may know of a key. */
export interface KeyDescription {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  readonly alg: string;
  readonly state: KeyState;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** When it began to sign, or will. */
  readonly activatesAt: number;
  readonly revokedAt: number | null;
}

export interface KeyChangeContext {
  readonly store: KeyStore;
  readonly sealer: KeySealer;
  readonly clock: Clock;
  /** Where the private keys of access tokens are; without one, sealed in the store. */
  readonly signingService?: SigningService | undefined;
}

/** A new line needs two steps: a key that signs, and one that will. */
const MAX_STEPS = 3;

/** Makes the keys that are due, and destroys those whose time is over. Answers all there are. */
export async function keepKeys(context: KeyChangeContext, lines: readonly KeptLine[]): Promise<readonly StoredKey[]> {
  const { store, clock } = context;
  let keys = await store.listKeys();
  for (let step = 0; step < MAX_STEPS; step++) {
    const now = clock();
    const plans = lines.map((line) => planLine(keysOf(keys, line), now, line.policy));
    const isDone = plans.every((plan) => plan.create === undefined && plan.change.length === 0);
    if (isDone && outlived(keys, now).length === 0) break;
    // Made before the keys are locked: an RSA key takes its time.
    const drafts = await Promise.all(plans.map((plan, index) => draftFor(plan, lines[index], context)));
    keys = await store.changeKeys((current) => {
      const changes = lines.map((line, index) => {
        const known = keysOf(current, line);
        const plan = planLine(known, now, line.policy);
        const retainSeconds = line.policy === "permanent" ? 0 : line.policy.retainSeconds;
        return changeOf({ plan, known, draft: drafts[index]?.key, retainSeconds, now });
      });
      const kept = new Set(changes.flatMap((change) => change.put.map(({ kid }) => kid)));
      const gone = outlived(current, now).filter(({ kid }) => !kept.has(kid));
      return joined([...changes, { put: gone.map((key) => ({ ...key, sealed: null })), events: [] }]);
    });
    await Promise.all(drafts.map((draft) => discardUnless(keys, draft)));
  }
  return keys;
}

function planLine(keys: readonly StoredKey[], now: number, policy: KeptLine["policy"]): KeyPlan<StoredKey> {
  if (policy !== "permanent") return planKeys(keys, now, policy);
  return { create: keys.length === 0 ? { readyAt: now, activatesAt: now } : undefined, change: [] };
}

/**
 * Lets the next keys take over as soon as they may: in a few seconds, or when they have been published for long
 * enough. However many ask at once, each line is rotated once.
 */
export async function rotateKeys({ store, clock }: Pick<KeyChangeContext, "store" | "clock">): Promise<void> {
  const asked = clock();
  const signing = linesOf(await store.listKeys()).map((keys) => signingKeyAt(keys, asked));
  await store.changeKeys((current) => {
    const changes = linesOf(current).map((known): KeyChange => {
      const active = signingKeyAt(known, asked);
      const expected = signing.find((key) => key?.kid === active?.kid);
      const sooner = expected === undefined ? undefined : planRotation(known, expected.kid, asked);
      return sooner === undefined ? NOTHING : { put: [sooner], events: [eventOf("key_scheduled", sooner, asked)] };
    });
    return joined(changes);
  });
}

/**
 * Emergency: what was signed with this key is dead, here at once and at every verifier that follows the feed within a
 * second. Where it was signing, the next key does from now on. Answers whether there is a key of this name.
 */
export async function revokeKey(context: KeyChangeContext, kid: string): Promise<boolean> {
  const { store, clock } = context;
  const now = clock();
  const keys = await store.listKeys();
  const key = keys.find((one) => one.kid === kid);
  if (key === undefined) return false;
  if (key.purpose === "status-place") {
    throw new ConfigurationError("This key signs nothing: it orders places in status lists, and cannot be revoked.");
  }
  if (key.purpose === "audit-checkpoint") {
    throw new ConfigurationError(
      "This key signs no token: it signs checkpoints of the audit log, and cannot be revoked.",
    );
  }
  const line: KeyLine = { purpose: key.purpose, alg: key.alg as JwtAlgorithm };
  const draft = await draftFor(planRevocation(keysOf(keys, line), kid, now), line, context).catch(withoutDraft);
  const after = await store.changeKeys((current) => {
    const known = keysOf(current, line);
    const plan = planRevocation(known, kid, now);
    return joined([changeOf({ plan, known, draft: draft?.key, retainSeconds: key.retainSeconds, now })]);
  });
  await discardUnless(after, draft);
  // Somebody else revoked the next key in between: now there is none, and one is made at once.
  if (signingKeyAt(keysOf(after, line), now) === undefined) {
    const policy = { ...NO_HURRY, retainSeconds: key.retainSeconds };
    await keepKeys(context, [{ ...line, policy }]).catch(withoutDraft);
  }
  return true;
}

/** A revocation waits for no key service. The nodes make the key that is missing as soon as they can. */
function withoutDraft(error: unknown): undefined {
  if (!(error instanceof KeyServiceError)) throw error;
  return undefined;
}

export async function listKeys({ store, clock }: Pick<KeyChangeContext, "store" | "clock">): Promise<KeyDescription[]> {
  const now = clock();
  return linesOf(await store.listKeys()).flatMap((keys) =>
    keys.map((key) => ({
      kid: key.kid,
      purpose: key.purpose,
      alg: key.alg,
      state: stateOf(key, keys, now),
      createdAt: key.createdAt,
      activatesAt: key.activatesAt,
      revokedAt: key.revokedAt,
    })),
  );
}

/** The keys of each line, access tokens' first, and in each in the order in which they sign. */
export function linesOf(keys: readonly StoredKey[]): readonly (readonly StoredKey[])[] {
  const ordered = keys.toSorted((a, b) =>
    a.purpose === b.purpose ? a.activatesAt - b.activatesAt : a.purpose < b.purpose ? -1 : 1,
  );
  return [...Map.groupBy(ordered, ({ purpose, alg }) => `${purpose} ${alg}`).values()];
}

function keysOf(keys: readonly StoredKey[], { purpose, alg }: KeyLine): readonly StoredKey[] {
  return keys.filter((key) => key.purpose === purpose && key.alg === alg);
}

/** Private keys that nothing needs any more. */
function outlived(keys: readonly StoredKey[], now: number): readonly StoredKey[] {
  return linesOf(keys).flatMap((line) =>
    line.filter((key) => key.sealed !== null && ["retired", "revoked"].includes(stateOf(key, line, now))),
  );
}

/** A key that may come too late to be needed. */
interface Draft {
  readonly key: SealedKey;
  discard?(): Promise<void>;
}

async function draftFor(
  plan: KeyPlan<StoredKey>,
  line: KeyLine | undefined,
  { sealer, signingService: service }: KeyChangeContext,
): Promise<Draft | undefined> {
  if (plan.create === undefined || line === undefined) return undefined;
  switch (line.purpose) {
    case "access-token":
    case "api-token":
      if (service !== undefined) return makeServiceKey({ sealer, service }, line.alg, line.purpose);
      return { key: await makeAccessKey(sealer, line.alg, line.purpose) };
    case "refresh-token":
      return { key: await makeRefreshKey(sealer) };
    case "status-place":
      return { key: await makeStatusPlaceKey(sealer) };
    case "audit-checkpoint":
      return { key: await makeCheckpointKey(sealer) };
  }
}

/** Of several nodes that make a key at once, one is first. */
async function discardUnless(keys: readonly StoredKey[], draft: Draft | undefined): Promise<void> {
  if (draft !== undefined && !keys.some(({ kid }) => kid === draft.key.kid)) await draft.discard?.();
}

const NOTHING: KeyChange = { put: [], events: [] };

/** Of a key that takes the place of a revoked one; whoever runs the authority plans the next one. */
const NO_HURRY = { publishAheadSeconds: 86_400, rotationSeconds: 30 * 86_400 };

interface Planned {
  readonly plan: KeyPlan<StoredKey>;
  readonly known: readonly StoredKey[];
  readonly draft: SealedKey | undefined;
  readonly retainSeconds: number;
  readonly now: number;
}

function changeOf({ plan, known, draft, retainSeconds, now }: Planned): KeyChange {
  const before = new Map(known.map((key) => [key.kid, key]));
  const changed = plan.change.map((key) => (key.revokedAt === null ? key : { ...key, sealed: null }));
  const events = changed.flatMap((key) => {
    const old = before.get(key.kid);
    if (key.revokedAt !== old?.revokedAt) return [eventOf("key_revoked", key, now)];
    return key.activatesAt === old?.activatesAt ? [] : [eventOf("key_scheduled", key, now)];
  });
  if (plan.create === undefined || draft === undefined) return { put: changed, events };
  const created = { ...draft, createdAt: now, ...plan.create, retainSeconds, revokedAt: null };
  return { put: [...changed, created], events: [...events, eventOf("key_created", created, now)] };
}

function joined(changes: readonly KeyChange[]): KeyChange | undefined {
  const put = changes.flatMap((change) => change.put);
  return put.length === 0 ? undefined : { put, events: changes.flatMap((change) => change.events) };
}

function eventOf(type: "key_created" | "key_scheduled" | "key_revoked", key: SealedKey, at: number): AuthEvent {
  return { type, userId: null, kid: key.kid, purpose: key.purpose, at, origin: { ip: null, userAgent: null } };
}
