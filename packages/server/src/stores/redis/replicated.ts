import type { RedisClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { withinDeadline } from "../../adapters/deadline.ts";

/** How long replicas may take, in milliseconds, and how much longer the answer of that. */
const REPLICAS_TIMEOUT_MS = 1_000;
const MARGIN_MS = 1_000;

/**
 * Answers once so many replicas have confirmed what was written: WAIT, which counts for the connection it is sent on. It
 * holds up all that comes after it there, and so this should be a connection apart from the one that rotations use; and
 * what was written within one turn of the event loop shares one WAIT.
 *
 * Where too few confirm, the verb rejects although it took place on the primary: whoever asks again is answered truly.
 */
export function replicated(connection: Connection, client: RedisClient, replicas: number): Connection {
  let nextCount: Promise<number> | undefined;

  const countConfirmations = async (): Promise<number> => {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    nextCount = undefined;
    const count = client.call("WAIT", replicas, REPLICAS_TIMEOUT_MS);
    return Number(
      await withinDeadline(
        count,
        REPLICAS_TIMEOUT_MS + MARGIN_MS,
        "Redis did not tell how many replicas have confirmed.",
      ),
    );
  };

  return {
    ...connection,
    async run(script, values) {
      const answer = await connection.run(script, values);
      const confirmed = await (nextCount ??= countConfirmations());
      if (confirmed >= replicas) return answer;
      throw new Error(`${confirmed} of ${replicas} Redis replicas have confirmed a write that must be kept.`);
    },
  };
}
