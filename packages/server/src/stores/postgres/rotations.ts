import type { SessionRotation } from "../../ports/session-store.ts";
import type { Database, Value } from "./database.ts";
import type { Group } from "./group.ts";
import { createGroup } from "./group.ts";
import { attemptsText } from "../attempts-text.ts";
import { toNullableText, toText } from "./text.ts";

/** The compare-and-set of a rotation, for {@link rotationValues}. */
export const ROTATION: string = rotationSetting("");

/** The same, with the thumbprint of a key as one more value, or null. */
export const REDEMPTION: string = rotationSetting(", jkt = coalesce($12, jkt)");

function rotationSetting(more: string): string {
  return `
  UPDATE latchkey.session
     SET generation = $4, secret_hash = $5, attempts = $6, attempt_keys_used = $7, rotated_at = $8, idle_expires_at = $9,
         device = coalesce($10, device), place = coalesce($11, place)${more}
   WHERE id = $1 AND generation = $2 AND secret_hash = $3 AND revoked_at IS NULL`;
}

// The setting holds for this statement's own transaction and for nothing else, whatever connection it runs on: the answer
// does not wait for the disk, and there is no second round trip to say so. The protocol rolls forward what a crash forgets.
const WITHOUT_FLUSH = "set_config('synchronous_commit', 'off', true) = 'off'";

// A row that somebody else is changing is passed over, as by the statement for several below.
const ROTATE_ONE = {
  name: "latchkey-rotate-session",
  text: `${ROTATION}
     AND EXISTS (SELECT FROM latchkey.session AS free WHERE free.id = $1 FOR NO KEY UPDATE SKIP LOCKED)
     AND ${WITHOUT_FLUSH}`,
};

// Each row is compared and set by itself. Those that somebody else is changing are passed over, so that nobody waits for
// another's session, and two of these statements never wait for each other. As where sessions are found, the planner does not
// see how many are asked for.
const ROTATE_SOME = {
  name: "latchkey-rotate-sessions",
  rowMode: "array",
  text: `
    WITH asked AS (
      SELECT *
        FROM unnest((SELECT $1::text[]), $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::boolean[],
                    $8::bigint[], $9::bigint[], $10::text[], $11::text[])
        WITH ORDINALITY AS asked (id, expected_generation, expected_hash, generation, secret_hash, attempts,
                                  attempt_keys_used, rotated_at, idle_expires_at, device, place, ordinal)
    ),
    held AS MATERIALIZED (
      SELECT asked.*, free.ctid AS version
        FROM asked
       CROSS JOIN LATERAL (
         SELECT ctid FROM latchkey.session WHERE session.id = asked.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
       ) AS free
    )
    UPDATE latchkey.session
       SET generation = held.generation, secret_hash = held.secret_hash, attempts = held.attempts,
           attempt_keys_used = held.attempt_keys_used, rotated_at = held.rotated_at,
           idle_expires_at = held.idle_expires_at, device = coalesce(held.device, session.device),
           place = coalesce(held.place, session.place)
      FROM held
     WHERE session.ctid = held.version AND session.id = held.id AND session.generation = held.expected_generation
       AND session.secret_hash = held.expected_hash AND session.revoked_at IS NULL AND ${WITHOUT_FLUSH}
    RETURNING held.ordinal`,
} as const;

const ROTATE_IN_TURN = { name: "latchkey-rotate-session-in-turn", text: `${ROTATION} AND ${WITHOUT_FLUSH}` };

export type RotationValues = readonly [
  id: string,
  expectedGeneration: number,
  expectedHash: string,
  generation: number,
  secretHash: string,
  attempts: string,
  attemptKeysUsed: boolean,
  rotatedAt: number,
  idleExpiresAt: number,
  device: string | null,
  place: string | null,
];

export function rotationValues({ sessionId, expected, next, seen }: SessionRotation): RotationValues {
  return [
    toText(sessionId),
    expected.generation,
    toText(expected.secretHash),
    next.generation,
    toText(next.secretHash),
    attemptsText(next.attempts),
    next.attemptKeysUsed,
    next.rotatedAt,
    next.idleExpiresAt,
    toNullableText(seen?.device ?? null),
    toNullableText(seen?.place ?? null),
  ];
}

/** Rotations that are asked for together, by one statement; each has its own verdict. */
export function groupRotations(database: Database): Group<SessionRotation, boolean> {
  /** The places of those that rotated; of the others, nobody knows whether they lost or were passed over. */
  const rotateFree = async (asked: readonly RotationValues[]): Promise<ReadonlySet<number>> => {
    const [first] = asked;
    if (first !== undefined && asked.length === 1) {
      const { rowCount } = await database.run(ROTATE_ONE, first);
      return new Set(rowCount === 1 ? [0] : []);
    }
    const { rows } = await database.run(ROTATE_SOME, columnsOf(asked));
    return new Set(rows.map((row) => Number(row[0]) - 1));
  };
  /** Waits for whoever is changing the row, and then has a verdict. */
  const rotateInTurn = async (values: RotationValues): Promise<boolean> =>
    (await database.run(ROTATE_IN_TURN, values)).rowCount === 1;

  return createGroup(async (rotations) => {
    const asked = rotations.map(rotationValues);
    const rotated = await rotateFree(asked);
    return asked.map((values, index) => (rotated.has(index) ? true : rotateInTurn(values)));
  });
}

function columnsOf(rows: readonly RotationValues[]): readonly Value[][] {
  return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((column) => rows.map((row) => row[column] ?? null));
}
