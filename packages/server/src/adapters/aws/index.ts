/**
 * `@latchkey/server/aws`: master secrets in AWS Secrets Manager, and data keys wrapped by AWS KMS.
 *
 * @module
 */
export { type AwsClientOptions } from "./client.ts";
export { type AwsKeyWrapperOptions, createAwsKeyWrapper } from "./key-wrapper.ts";
export { type AwsSecretOptions, createAwsSecret } from "./secret.ts";
