import type { RedisClient } from "./client.ts";
import { withinDeadline } from "../../adapters/deadline.ts";
import type { Script } from "./script.ts";

/** Runs scripts, on whatever server the client is connected to at that moment, once that has been found fit. */
export interface Connection {
  run(script: Script, values: readonly (string | number)[]): Promise<unknown>;
  /** Looks at the server again, whether or not it was found fit before. */
  inspect(): Promise<void>;
  close(): void;
}

export interface ConnectionOptions {
  readonly client: RedisClient;
  /** The base of all key names. */
  readonly base: string;
  /** Rejects where the server is not fit to hold sessions. Asked once for every connection made. */
  readonly inspectServer: (client: RedisClient) => Promise<void>;
}

/**
 * How long, in milliseconds, a verb waits for a connection and then for an answer. ioredis would queue what it cannot send
 * and resend what was not answered, for as long as it takes; a request must be refused instead while its client waits. What is
 * promised is 1 s and 2 s: a timer runs late.
 */
const READY_TIMEOUT_MS = 900;
const ANSWER_TIMEOUT_MS = 1_800;

export function createConnection({ client, base, inspectServer }: ConnectionOptions): Connection {
  let closed = false;
  let fit = false;
  let becomingFit: Promise<void> | undefined;

  // The next server, or this one after its restart, may be configured otherwise.
  const forget = (): void => {
    fit = false;
  };
  client.on("close", forget);
  client.on("+node", forget);

  const inspect = async (): Promise<void> => {
    if (closed) throw closedError();
    await untilReady(client);
    await withinDeadline(inspectServer(client), ANSWER_TIMEOUT_MS, "Redis did not tell its configuration in time.");
  };

  const inspectOnce = async (): Promise<void> => {
    try {
      await inspect();
      fit = client.status === "ready";
    } finally {
      becomingFit = undefined;
    }
  };

  return {
    async run(script, values) {
      if (closed) throw closedError();
      if (!fit || client.status !== "ready") await (becomingFit ??= inspectOnce());
      return withinDeadline(evaluate(client, script, [1, base, ...values]), ANSWER_TIMEOUT_MS, "Redis did not answer.");
    },

    inspect,

    close() {
      closed = true;
      client.off("close", forget);
      client.off("+node", forget);
    },
  };
}

async function evaluate(client: RedisClient, { source, sha }: Script, values: (string | number)[]): Promise<unknown> {
  try {
    return await client.call("EVALSHA", sha, ...values);
  } catch (error) {
    // The server was restarted, or its scripts flushed: nothing has been run. EVAL runs the script and keeps it.
    if (error instanceof Error && error.message.startsWith("NOSCRIPT")) return client.call("EVAL", source, ...values);
    throw error;
  }
}

async function untilReady(client: RedisClient): Promise<void> {
  if (client.status === "ready") return;
  let heard: (() => void) | undefined;
  const ready = new Promise<void>((resolve) => {
    heard = resolve;
    client.on("ready", resolve);
  });
  // ioredis goes on trying where the first attempt fails, and so "ready" is what to wait for.
  if (client.status === "wait") client.connect().catch(() => undefined);
  try {
    await withinDeadline(ready, READY_TIMEOUT_MS, "Redis cannot be reached.");
  } finally {
    if (heard !== undefined) client.off("ready", heard);
  }
}

function closedError(): Error {
  return new Error("The Redis store is closed. Open another one with createRedisSessionStore.");
}
