import type { KeySealer } from "../ports/key-sealer.ts";
import type { KeyStore, StoredKey } from "../ports/key-store.ts";

/**
 * Seals anew, under the master secret that seals now, what another one sealed. Keys stay as they are, and nodes that
 * run notice nothing. May be broken off and begun again, and run beside nodes that rotate. Answers how many it sealed.
 *
 * @throws ConfigurationError for a key that none of the master secrets opens; what came before it is done
 */
export async function resealKeys({
  store,
  sealer,
}: {
  readonly store: KeyStore;
  readonly sealer: KeySealer;
}): Promise<number> {
  const isOld = ({ sealed }: StoredKey): boolean => sealed !== null && !sealer.isCurrent(sealed);
  let count = 0;
  for (const key of (await store.listKeys()).filter(isOld)) {
    const sealed = await sealer.seal(await sealer.open(key.sealed ?? "", key), key);
    let isDone = false;
    await store.changeKeys((current) => {
      // Whoever changed it since has the last word: a key that was destroyed meanwhile stays so.
      const now = current.find(({ kid }) => kid === key.kid);
      isDone = now !== undefined && now.sealed === key.sealed;
      return now !== undefined && isDone ? { put: [{ ...now, sealed }], events: [] } : undefined;
    });
    if (isDone) count += 1;
  }
  return count;
}
