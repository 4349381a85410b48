import type { SigningService } from "@latchkey/server";
import { ConfigurationError } from "@latchkey/server";

/**
 * What LATCHKEY_SIGNING_SERVICE names: `vault-transit:MOUNT`.
 *
 * @throws ConfigurationError
 */
export async function openSigningService(env: NodeJS.ProcessEnv): Promise<SigningService | undefined> {
  const place = env["LATCHKEY_SIGNING_SERVICE"];
  if (place === undefined) return undefined;
  const [, mount] = /^vault-transit:(.+)$/.exec(place) ?? [];
  if (mount === undefined) throw new ConfigurationError("LATCHKEY_SIGNING_SERVICE: must be vault-transit:MOUNT.");
  const { createVaultSigningService, readVaultEnvironment } = await import("@latchkey/server/vault");
  return createVaultSigningService({ ...readVaultEnvironment(env), mount });
}
