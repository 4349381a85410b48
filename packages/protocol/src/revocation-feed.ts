/**
 * The revocation feed: what an authority tells its verifiers, so that a token dies everywhere within a second and no
 * request costs a look-up.
 *
 * `GET /revocations` with `Accept: text/event-stream` is a stream (Server-Sent Events) whose every `data` is one batch, a
 * JWS of type {@link REVOCATION_BATCH_TYPE} by one of the authority's published keys; `id` is the cursor to come back with
 * (`Last-Event-ID`). Without that header, or with `?after=CURSOR`, the same batches come as JSON ({@link RevocationAnswer}).
 * Since every batch is signed and numbered, anything may store or relay them.
 *
 * A reader keeps what it has heard until an entry's time is over, and never takes anything back: a batch can only add.
 */

/** The media type of a batch, in the JWS header `typ`. */
export const REVOCATION_BATCH_TYPE = "revocations+jwt";

/** How long a batch may be, so that it fits a JWT: about 1,000 entries. */
export const MAX_BATCH_ENTRIES = 1_000;

/** A batch without news is sent this often at least, in seconds; a reader that hears nothing for longer is cut off. */
export const FEED_HEARTBEAT_SECONDS = 2;

/**
 * One thing that is dead. `until` is when the entry may be forgotten: no token that it could match lives any longer. All
 * times are whole seconds since 1970.
 */
export type Revocation =
  /** Every token of this session (`sid`). */
  | { readonly kind: "session"; readonly id: string; readonly until: number }
  /** Every token of this user (`sub`) that was issued (`iat`) at `before` or earlier. */
  | { readonly kind: "subject"; readonly id: string; readonly before: number; readonly until: number }
  /** The token of this `jti`. */
  | { readonly kind: "token"; readonly id: string; readonly until: number }
  /** Tokens of this user whose `claims_epoch` is lower carry old rights: `stale_token`, a refresh mends it. */
  | { readonly kind: "claims"; readonly id: string; readonly epoch: number; readonly until: number }
  /** Every token signed with the key of this `kid`. */
  | { readonly kind: "key"; readonly id: string; readonly until: number };

/**
 * The claims of a batch. Batches follow each other without a gap: the `after` of each is the `cursor` of the one before
 * it. A snapshot begins anywhere (`after` is null) and holds all that still matters. It may take several batches: the
 * cursors of all but the last are places within it ({@link partCursor}), which can be gone on from by the next part alone.
 */
export interface RevocationBatch {
  readonly iss: string;
  /** When the authority had read everything up to here, in whole seconds since 1970: how fresh the reader's knowledge is. */
  readonly iat: number;
  readonly after: string | null;
  readonly cursor: string;
  readonly revocations: readonly Revocation[];
}

/** `GET /revocations` as JSON. */
export interface RevocationAnswer {
  /** Compact JWSs, to be read in this order. */
  readonly batches: readonly string[];
}

/** Entries as they travel: a list for each kind, of `[id, until]` or `[id, until, before or epoch]`. */
interface BatchClaims {
  readonly iss: string;
  readonly iat: number;
  readonly after: string | null;
  readonly cursor: string;
  readonly session?: readonly unknown[];
  readonly subject?: readonly unknown[];
  readonly token?: readonly unknown[];
  readonly claims?: readonly unknown[];
  readonly key?: readonly unknown[];
}

const KINDS = ["session", "subject", "token", "claims", "key"] as const;

/** The claims to sign. */
export function formatBatch(batch: RevocationBatch): object {
  const { revocations, ...head } = batch;
  const lists = Object.groupBy(revocations, (revocation) => revocation.kind);
  return {
    ...head,
    ...Object.fromEntries(Object.entries(lists).map(([kind, list]) => [kind, list.map(formatEntry)])),
  } satisfies Omit<BatchClaims, "session">;
}

/**
 * Reads the claims of a batch whose signature and type have been checked; `undefined` where it is not to this contract.
 * Members it does not know are ignored, kinds among them: they concern newer readers.
 */
export function parseBatch(claims: Readonly<Record<string, unknown>>): RevocationBatch | undefined {
  const { iss, iat, after, cursor } = claims;
  if (typeof iss !== "string" || !isTime(iat) || !isCursor(cursor) || (after !== null && !isCursor(after)))
    return undefined;
  const revocations: Revocation[] = [];
  for (const kind of KINDS) {
    const list = Object.hasOwn(claims, kind) ? claims[kind] : [];
    if (!Array.isArray(list)) return undefined;
    for (const entry of list as readonly unknown[]) {
      const revocation = parseEntry(kind, entry);
      if (revocation === undefined) return undefined;
      revocations.push(revocation);
    }
  }
  return { iss, iat, after, cursor, revocations };
}

function formatEntry(revocation: Revocation): readonly (string | number)[] {
  const { id, until } = revocation;
  if (revocation.kind === "subject") return [id, until, revocation.before];
  if (revocation.kind === "claims") return [id, until, revocation.epoch];
  return [id, until];
}

function parseEntry(kind: Revocation["kind"], entry: unknown): Revocation | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [id, until, third] = entry as readonly unknown[];
  if (typeof id !== "string" || !isTime(until)) return undefined;
  if (kind === "subject") return isTime(third) ? { kind, id, until, before: third } : undefined;
  if (kind === "claims") return isTime(third) ? { kind, id, until, epoch: third } : undefined;
  return { kind, id, until };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCursor(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(value);
}

const PART = "part-";

/**
 * The cursor within a snapshot, after so many parts of it.
 *
 * @param snapshot names this very one: parts of others, of the same place even, do not go on from here
 */
export function partCursor(snapshot: string, parts: number): string {
  return `${PART}${parts}-${snapshot}`;
}

/** Whether a cursor is within a snapshot, and so no place to come back with. */
export function isPartCursor(cursor: string): boolean {
  return cursor.startsWith(PART);
}
