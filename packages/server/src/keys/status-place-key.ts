import { randomBytes } from "node:crypto";

import type { StatusPlace } from "../domain/status-place.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { SealedKey, StoredKey } from "../ports/key-store.ts";
import { createShuffle } from "../status-lists/shuffle.ts";

/** The place of the session with this number. */
export type StatusPlaceOf = (number: number) => StatusPlace;

const purpose = "status-place";
const alg = "HS256";

/** Made once: in another order, a new session could be given the place of one that is living. */
export async function makeStatusPlaceKey(sealer: KeySealer): Promise<SealedKey> {
  const kid = randomBytes(8).toString("base64url");
  return { kid, purpose, alg, sealed: await sealer.seal(randomBytes(32), { purpose, kid, alg }) };
}

export async function openStatusPlaceKey(
  sealer: KeySealer,
  { kid, alg: stored, sealed }: StoredKey,
): Promise<StatusPlaceOf | undefined> {
  return sealed === null ? undefined : createShuffle(await sealer.open(sealed, { purpose, kid, alg: stored }));
}
