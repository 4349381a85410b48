import { createHmac, createSecretKey } from "node:crypto";

/** Answers in which bucket the attempts of a name or network are counted. */
export type BucketOf = (subject: string) => string;

/**
 * One of a million buckets, so that a flood of made-up names or addresses cannot fill the memory, and neither e-mail nor IP
 * addresses are kept. That two share one is rare, and then they share a limit. Which two is a secret: who could work it out
 * would make an account in the bucket of another, whose own sign-ins forget the guesses at that one's password.
 */
export function createBucketOf(secret: Uint8Array): BucketOf {
  const key = createSecretKey(secret);
  return (subject) => createHmac("sha256", key).update(subject).digest("hex").slice(0, 5);
}
