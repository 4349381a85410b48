import type { MasterSecret } from "@latchkey/server";
import { ConfigurationError, createFileSecret } from "@latchkey/server";

/** What a source may be, for messages and help. */
export const SOURCES: string =
  "env:NAME, file:PATH, vault-kv:MOUNT/PATH#FIELD, vault-transit:MOUNT/KEY, aws-sm:ID, aws-kms:ID, " +
  "google-sm:NAME, google-kms:NAME, azure-secret:URL, azure-key:URL";

/**
 * Where a master secret is: `scheme:place`. Credentials are never part of it; they are found where each service's own
 * tools look for them. Its client library is loaded only when it is named here.
 *
 * @throws ConfigurationError
 */
export async function openMasterSecretSource(source: string, env: NodeJS.ProcessEnv): Promise<MasterSecret> {
  const [scheme, place] = splitOnce(source, ":");
  if (place === "") throw unknownSource();
  switch (scheme) {
    case "env": {
      const secret = env[place];
      if (secret === undefined || secret === "") throw new ConfigurationError(`The variable ${place} is not set.`);
      return { name: place, read: async () => secret };
    }
    case "file":
      return createFileSecret(place);
    case "vault-kv": {
      const { createVaultSecret, readVaultEnvironment } = await import("@latchkey/server/vault");
      const [path, field] = splitOnce(place, "#");
      const [mount, secretPath] = splitOnce(path, "/");
      return createVaultSecret({ ...readVaultEnvironment(env), mount, path: secretPath, ...(field && { field }) });
    }
    case "vault-transit": {
      const { createVaultKeyWrapper, readVaultEnvironment } = await import("@latchkey/server/vault");
      const [mount, key] = splitOnce(place, "/");
      return createVaultKeyWrapper({ ...readVaultEnvironment(env), mount, key });
    }
    case "aws-sm": {
      const { createAwsSecret } = await import("@latchkey/server/aws");
      return createAwsSecret({ secretId: place });
    }
    case "aws-kms": {
      const { createAwsKeyWrapper } = await import("@latchkey/server/aws");
      return createAwsKeyWrapper({ keyId: place });
    }
    case "google-sm": {
      const { createGoogleSecret } = await import("@latchkey/server/google");
      return createGoogleSecret({ secret: place });
    }
    case "google-kms": {
      const { createGoogleKeyWrapper } = await import("@latchkey/server/google");
      return createGoogleKeyWrapper({ key: place });
    }
    case "azure-secret": {
      const { createAzureSecret } = await import("@latchkey/server/azure");
      return createAzureSecret({ id: place });
    }
    case "azure-key": {
      const { createAzureKeyWrapper } = await import("@latchkey/server/azure");
      return createAzureKeyWrapper({ id: place });
    }
    default:
      throw unknownSource();
  }
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Without the source itself: who puts the secret in the wrong variable must not read it in a log. */
function unknownSource(): ConfigurationError {
  return new ConfigurationError(
    `LATCHKEY_MASTER_SECRET_FROM and LATCHKEY_MASTER_SECRET_ALSO: a source must be one of ${SOURCES}.`,
  );
}
