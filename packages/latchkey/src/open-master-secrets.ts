import type { MasterSecret } from "@latchkey/server";
import { ConfigurationError } from "@latchkey/server";

import { openDatabaseFolder, openDataFolder } from "./data-folder.ts";
import type { SecretEnvironment } from "./environment.ts";
import { openMasterSecretSource } from "./master-secret-source.ts";

export interface OpenedSecrets {
  readonly databasePath: string;
  /** The first seals. */
  readonly masterSecrets: readonly MasterSecret[];
  /** The file, where one was made just now. */
  readonly madeSecretPath: string | undefined;
}

/**
 * The master secrets that the environment names, or the data folder's own, and the folder's database.
 *
 * @throws ConfigurationError
 */
export async function openMasterSecrets(options: {
  readonly dataPath: string;
  readonly sources: SecretEnvironment["masterSecretSources"];
  readonly mayMakeSecret: boolean;
  readonly env: NodeJS.ProcessEnv;
}): Promise<OpenedSecrets> {
  const { dataPath, sources, mayMakeSecret, env } = options;
  const others = await Promise.all(sources.also.map((source) => openMasterSecretSource(source, env)));
  if (sources.first !== undefined) {
    const first = await openMasterSecretSource(sources.first, env);
    return { databasePath: openDatabaseFolder(dataPath), masterSecrets: [first, ...others], madeSecretPath: undefined };
  }
  if (others.length > 0) {
    throw new ConfigurationError(
      "LATCHKEY_MASTER_SECRET_ALSO names what opens keys: say what seals them, with LATCHKEY_MASTER_SECRET, " +
        "LATCHKEY_MASTER_SECRET_FILE or LATCHKEY_MASTER_SECRET_FROM.",
    );
  }
  const { databasePath, masterSecret, madeSecretPath } = openDataFolder({ path: dataPath, mayMakeSecret });
  return { databasePath, masterSecrets: [masterSecret], madeSecretPath };
}
