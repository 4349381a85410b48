/**
 * `@latchkey/server/vault`: secrets, data keys and signatures from HashiCorp Vault or OpenBao.
 *
 * @module
 */
export type { VaultAuth, VaultConnection } from "./client.ts";
export { readVaultEnvironment } from "./environment.ts";
export { createVaultKeyWrapper, type VaultKeyWrapperOptions } from "./key-wrapper.ts";
export { createVaultSigningService, type VaultSigningOptions } from "./signing-service.ts";
export { createVaultSecret, type VaultSecretOptions } from "./secret.ts";
