import type { SigningKey } from "@latchkey/jwt";
import { JwtError, signJwt, verificationKeyOf, verifyJws } from "@latchkey/jwt";

import { openCheckpointKey } from "../keys/checkpoint-key.ts";
import type { KeyChangeContext } from "../keys/key-changes.ts";
import { keepKeys } from "../keys/key-changes.ts";
import type { AuditLink, AuditState } from "../ports/audit-store.ts";

/** The head of a log at a time, signed by the authority: what the log was up to here, it must be for ever. */
export interface Checkpoint extends AuditLink {
  readonly logId: string;
  /** Seconds since 1970. */
  readonly at: number;
}

const TYPE = "audit-checkpoint+jwt";

/** Signs the head of the log, as a compact JWS; the key for it is made at the first time. */
export async function signCheckpoint(context: KeyChangeContext, { logId, head }: AuditState): Promise<string> {
  const key = (await findKey(context)) ?? (await makeKey(context));
  const claims = { log: logId, number: head.number, hash: head.hash, iat: context.clock() };
  return signJwt(claims, key, { typ: TYPE });
}

/** Reads checkpoints of this authority; `undefined` for anything else. */
export async function createCheckpointReader(
  context: Pick<KeyChangeContext, "store" | "sealer">,
): Promise<(jws: string) => Checkpoint | undefined> {
  const key = await findKey(context);
  return (jws) => {
    if (key === undefined) return undefined;
    try {
      const { header, payload } = verifyJws(jws, verificationKeyOf(key));
      if (header.typ !== TYPE) return undefined;
      return checkpointOf(JSON.parse(Buffer.from(payload).toString("utf8")));
    } catch (error) {
      if (error instanceof JwtError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  };
}

function checkpointOf(claims: unknown): Checkpoint | undefined {
  const { log, number, hash, iat } = claims as Readonly<Record<string, unknown>>;
  if (typeof log !== "string" || typeof number !== "number" || typeof hash !== "string") return undefined;
  return { logId: log, number, hash, at: Number(iat) };
}

async function findKey({ store, sealer }: Pick<KeyChangeContext, "store" | "sealer">): Promise<SigningKey | undefined> {
  const stored = (await store.listKeys()).find(({ purpose }) => purpose === "audit-checkpoint");
  return stored && openCheckpointKey(sealer, stored);
}

async function makeKey(context: KeyChangeContext): Promise<SigningKey> {
  await keepKeys(context, [{ purpose: "audit-checkpoint", alg: "ES256", policy: "permanent" }]);
  const made = await findKey(context);
  if (made === undefined) throw new Error("The key of the audit log's checkpoints could not be made.");
  return made;
}
