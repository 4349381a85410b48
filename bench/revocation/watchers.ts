/**
 * Verifiers in a process of their own, each following the feed on its own connection, as so many APIs would: asked when each of
 * them first refused a token that it had accepted before.
 */
import { setTimeout as sleep } from "node:timers/promises";

import type { Verifier } from "@latchkey/verifier";
import { createVerifier, VerifierError } from "@latchkey/verifier";

import { answerParent } from "../harness/asked-program.ts";
import { monotonicMs } from "./monotonic.ts";

export type WatcherQuestion =
  | {
      readonly type: "open";
      readonly issuer: string;
      /** The feed at each node: the verifiers are spread over them. */
      readonly feeds: readonly string[];
      readonly count: number;
      readonly apiTokens: boolean;
    }
  /** From now on the token is tried by every verifier, a thousand times a second. */
  | { readonly type: "watch"; readonly token: string }
  /** When each refused it, in milliseconds of the machine's monotonic clock; null for one that has not, in ten seconds. */
  | { readonly type: "collect" };

export type WatcherAnswer = readonly (number | null)[];

const PATIENCE_MS = 10_000;

let verifiers: readonly Verifier[] = [];
let watching: Promise<WatcherAnswer> = Promise.resolve([]);

answerParent(async (question: WatcherQuestion): Promise<WatcherAnswer> => {
  if (question.type === "collect") return watching;
  if (question.type === "watch") {
    // Accepted, and so remembered: what is measured is a cached token that dies.
    await Promise.all(verifiers.map((verifier) => verifier.verify(question.token)));
    watching = Promise.all(verifiers.map((verifier) => firstRefusal(verifier, question.token)));
    return [];
  }
  const { issuer, feeds, count, apiTokens } = question;
  for (const verifier of verifiers) verifier.close();
  verifiers = Array.from({ length: count }, (_, index) => {
    const urls = [...feeds.slice(index % feeds.length), ...feeds.slice(0, index % feeds.length)];
    const verifier = createVerifier({ issuer, audience: issuer, revocation: { urls }, apiTokens });
    return apiTokens ? verifier.withApiTokens() : verifier;
  });
  await Promise.all(verifiers.map((verifier) => verifier.ready()));
  return [];
});

async function firstRefusal(verifier: Verifier, token: string): Promise<number | null> {
  const deadline = monotonicMs() + PATIENCE_MS;
  while (monotonicMs() < deadline) {
    try {
      await verifier.verify(token);
    } catch (error) {
      if (error instanceof VerifierError && error.code === "invalid_token") return monotonicMs();
      throw error;
    }
    await sleep(1);
  }
  return null;
}
