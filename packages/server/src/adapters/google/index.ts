/**
 * `@latchkey/server/google`: master secrets in Google Secret Manager, and data keys wrapped by Cloud KMS.
 *
 * @module
 */
export { type GoogleClientOptions } from "./client.ts";
export { createGoogleKeyWrapper, type GoogleKeyWrapperOptions } from "./key-wrapper.ts";
export { createGoogleSecret, type GoogleSecretOptions } from "./secret.ts";
