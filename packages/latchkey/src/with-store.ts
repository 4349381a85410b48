import { existsSync } from "node:fs";

import type { KeySealer, Store } from "@latchkey/server";
import { ConfigurationError, openKeySealer } from "@latchkey/server";

import { databasePathIn, openDatabaseFolder } from "./data-folder.ts";
import { readSecretEnvironment } from "./environment.ts";
import { openMasterSecrets } from "./open-master-secrets.ts";
import { openStore } from "./open-store.ts";

/**
 * Works on the store of the authority that runs on this folder, or that the environment names, and closes it.
 *
 * @param work also gets what opens and seals keys, for who needs it
 * @param options.mayMakeDatabase for who moves in before the first start. Default: no, since in a folder that was mistyped
 *   nothing is wrong, and nothing is there
 * @throws ConfigurationError where there is no database in the folder
 */
export async function withStore(
  dataPath: string,
  work: (store: Store, openSealer: () => Promise<KeySealer>) => Promise<void>,
  { mayMakeDatabase = false }: { readonly mayMakeDatabase?: boolean } = {},
): Promise<void> {
  const { masterSecretSources: sources, databaseUrl, redisUrl } = readSecretEnvironment(process.env);
  if (!mayMakeDatabase && databaseUrl === undefined && !existsSync(databasePathIn(dataPath))) {
    throw new ConfigurationError(
      `There is no database in ${dataPath}. Name the authority's folder with --data or LATCHKEY_DATA, or its PostgreSQL with LATCHKEY_DATABASE_URL.`,
    );
  }
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
