import { isPartCursor } from "@latchkey/protocol";

import type { BatchReading } from "./batch-reader.ts";
import { type FeedFailure, feedFailure } from "./feed-failure.ts";
import type { RevocationSet } from "./revocation-set.ts";

/** What was heard of the feed, up to which cursor, and how old that is. */
export interface FeedKnowledge {
  /** Where to go on; null before the first whole snapshot. */
  readonly cursor: string | null;
  /**
   * Seconds since the authority knew no more than this; infinite before the first whole snapshot. By the time batches say they
   * were made, and from there by a clock that cannot be set, or the system's where more time has passed by that (a suspended
   * machine).
   */
  ageSeconds(): number;
  /**
   * Takes in one batch. Its entries count whenever it is genuine, in whatever order it came. It makes the knowledge fresher
   * only where it continues it, and only as far as its own time goes: a replayed batch does not.
   */
  take(jws: string): Promise<Taken>;
}

export type Taken =
  /** `isNews`: the authority was heard, and not an echo of it. */
  { readonly kind: "taken"; readonly isNews: boolean } | { readonly kind: "failed"; readonly failure: FeedFailure };

export interface FeedKnowledgeOptions {
  readonly set: RevocationSet;
  readonly readBatch: (jws: string) => Promise<BatchReading>;
  readonly leewaySeconds: number;
  readonly clock: () => number;
}

export function createFeedKnowledge({ set, readBatch, leewaySeconds, clock }: FeedKnowledgeOptions): FeedKnowledge {
  let cursor: string | null = null;
  // Where the next batch has to go on: at the cursor, or within a snapshot.
  let place: string | null = null;
  let newest = 0;
  let heard: { readonly age: number; readonly at: number; readonly time: number } | undefined;

  function ageSeconds(): number {
    if (heard === undefined) return Number.POSITIVE_INFINITY;
    return heard.age + Math.max(0, performance.now() / 1000 - heard.at, clock() - heard.time);
  }

  return {
    get cursor() {
      return cursor;
    },
    ageSeconds,
    async take(jws) {
      const reading = await readBatch(jws);
      if (reading.kind === "failed") return reading;
      const { batch } = reading;
      set.add(batch.revocations);
      if (batch.after !== null && batch.after !== place) {
        return { kind: "failed", failure: feedFailure("gap", "A batch of revocations is missing.") };
      }
      place = batch.cursor;
      // Part of a snapshot: only its end says up to where it reaches, and to that all parts must have come.
      if (isPartCursor(batch.cursor)) return { kind: "taken", isNews: true };

      const isNews = batch.iat > newest || batch.cursor !== cursor;
      cursor = batch.cursor;
      newest = Math.max(newest, batch.iat);
      // The authority's time, so that a verifier's clock that is wrong for a moment makes nothing be forgotten.
      set.forget(newest);
      const time = clock();
      const age = Math.max(0, time - batch.iat - leewaySeconds);
      if (age <= ageSeconds()) heard = { age, at: performance.now() / 1000, time };
      return { kind: "taken", isNews };
    },
  };
}
