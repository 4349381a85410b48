import type { Store } from "@latchkey/server";

import { openDataFolder } from "./data-folder.ts";
import { readSecretEnvironment } from "./environment.ts";
import { openStore } from "./open-store.ts";

/**
 * Works on the store of the authority that runs on this folder, or that the environment names, and closes it.
 *
 * @param work also gets the master secret, for what opens or makes keys
 */
export async function withStore(
  dataPath: string,
  work: (store: Store, masterSecret: string) => Promise<void>,
): Promise<void> {
  const { masterSecret, databaseUrl, redisUrl } = readSecretEnvironment(process.env);
  const folder = openDataFolder({ path: dataPath, masterSecret });
  const store = await openStore({ databasePath: folder.databasePath, databaseUrl, redisUrl });
  try {
    await work(store, folder.masterSecret);
  } finally {
    await store.close();
  }
}
