import type { KeySealer, Store } from "@latchkey/server";
import { openKeySealer } from "@latchkey/server";

import { openDatabaseFolder } from "./data-folder.ts";
import { readSecretEnvironment } from "./environment.ts";
import { openMasterSecrets } from "./open-master-secrets.ts";
import { openStore } from "./open-store.ts";

/**
 * Works on the store of the authority that runs on this folder, or that the environment names, and closes it.
 *
 * @param work also gets what opens and seals keys, for who needs it
 */
export async function withStore(
  dataPath: string,
  work: (store: Store, openSealer: () => Promise<KeySealer>) => Promise<void>,
): Promise<void> {
  const { masterSecretSources: sources, databaseUrl, redisUrl } = readSecretEnvironment(process.env);
  const store = await openStore({ databasePath: openDatabaseFolder(dataPath), databaseUrl, redisUrl });
  try {
    await work(store, async () => {
      const { masterSecrets } = await openMasterSecrets({ dataPath, sources, mayMakeSecret: false, env: process.env });
      return openKeySealer(masterSecrets);
    });
  } finally {
    await store.close();
  }
}
