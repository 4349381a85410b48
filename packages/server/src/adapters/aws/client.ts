import { KeyServiceError } from "../../errors.ts";

/** What AWS's own tools do not find by themselves, in environment, profile or instance role. */
export interface AwsClientOptions {
  readonly region?: string;
  readonly endpoint?: string;
}

/** Given to each client: whoever waits for it is a user who signs in. */
export const PATIENCE = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
};

/** Of an SDK's error its name alone: it holds the request, and that the credentials' signature. */
export function awsError(what: string, error: unknown): KeyServiceError {
  if (error instanceof KeyServiceError) return error;
  const name = error instanceof Error ? error.name : "unknown";
  return new KeyServiceError(
    `AWS did not ${what} (${name}). Check the id, the region, the credentials and their policy.`,
  );
}
