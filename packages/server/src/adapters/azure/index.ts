/**
 * `@latchkey/server/azure`: master secrets in Azure Key Vault, and data keys wrapped by its Managed HSM.
 *
 * @module
 */
export { type AzureKeyWrapperOptions, createAzureKeyWrapper } from "./key-wrapper.ts";
export { type AzureSecretOptions, createAzureSecret } from "./secret.ts";
