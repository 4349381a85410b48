import { randomUUID } from "node:crypto";

import type { RepeatedTask } from "../adapters/repeated-task.ts";
import { startRepeatedTask } from "../adapters/repeated-task.ts";
import type { AuditRow } from "../ports/audit-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConsumerState } from "../ports/consumer-store.ts";
import type { Logger } from "../ports/logger.ts";
import type { Store } from "../ports/store.ts";
import { backOffMs } from "./back-off.ts";
import type { DeliveryFailure, PostedMessage } from "./post.ts";
import { post } from "./post.ts";
import type { Receiver } from "./receiver.ts";

export interface DeliveriesOptions {
  readonly store: Pick<Store, "audit" | "consumers">;
  /** Their names are different. */
  readonly receivers: readonly Receiver[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often the audit log is looked at, in milliseconds. */
const POLL_MS = 1_000;

/** For how much longer than a delivery may take a node has the work, in milliseconds. */
const LEASE_SLACK_MS = 5_000;

/** For how long an entry is tried, in seconds; then the next one is. */
const GIVE_UP_SECONDS = 3 * 86_400;

const PAGE = 100;

/**
 * Delivers entries of the audit log to each receiver, in their order, each until it is taken, has been tried often enough or is
 * three days old. Receivers do not wait for each other. One node delivers to a receiver at a time, and another goes on soon
 * after it has died: what was under way may then come twice.
 */
export function startDeliveries(options: DeliveriesOptions): RepeatedTask {
  const { receivers, logger } = options;
  const deliveries = receivers.map((receiver) => createDelivery(receiver, options));
  const tasks = deliveries.map(({ name, work }) =>
    startRepeatedTask({ name, logger, firstMs: 50, retryMs: POLL_MS * 5, work }),
  );
  return {
    async close() {
      await Promise.all(tasks.map((task) => task.close()));
      // Whoever cannot be told waits until the lease is over.
      await Promise.allSettled(deliveries.map((delivery) => delivery.release()));
    },
  };
}

interface Delivery {
  readonly name: string;
  /** Delivers what there is; answers when to look again. */
  readonly work: (signal: AbortSignal) => Promise<number>;
  readonly release: () => Promise<void>;
}

function createDelivery(receiver: Receiver, options: DeliveriesOptions): Delivery {
  const { name, timeoutMs, logged } = receiver;
  const { store, clock, logger } = options;
  const work = { name, holder: randomUUID(), leaseMs: timeoutMs + LEASE_SLACK_MS };
  let held: { readonly state: ConsumerState; readonly since: number } | undefined;

  /** How far the receiver is, by this node's memory for as long as nobody else can have changed it. */
  const hold = async (): Promise<ConsumerState | undefined> => {
    const since = performance.now();
    if (held !== undefined && since - held.since < LEASE_SLACK_MS / 2) return held.state;
    const { head } = await store.audit.readState();
    // A new receiver is told of what comes, not of all that was.
    const state = await store.consumers.claim({ ...work, startAt: head.number });
    held = state && { state, since };
    return state;
  };

  /** Answers whether the receiver still is this node's. */
  const advance = async (state: ConsumerState): Promise<boolean> => {
    const since = performance.now();
    held = (await store.consumers.advance({ ...work, ...state })) ? { state, since } : undefined;
    return held !== undefined;
  };

  /** Answers which messages of an entry failed, and how; `undefined` where it is no longer this node's to send them. */
  const send = async (
    messages: readonly (() => Promise<PostedMessage>)[],
    position: number,
    signal: AbortSignal,
  ): Promise<readonly DeliveryFailure[] | undefined> => {
    const failures: DeliveryFailure[] = [];
    for (const make of messages) {
      // Another node may have gone on meanwhile.
      const current = await hold();
      if (current === undefined || current.position > position || signal.aborted) return undefined;
      const failure = await post(receiver, await make(), signal);
      if (signal.aborted && failure !== undefined) return undefined;
      if (failure !== undefined) failures.push(failure);
      // Who does not answer at all would not answer the others either.
      if (failure !== undefined && "reason" in failure) break;
    }
    return failures;
  };

  const isTooOld = ({ number, at }: AuditRow): boolean => {
    if (at >= clock() - GIVE_UP_SECONDS) return false;
    const fields = { ...logged.who, entry: number };
    logger.error(fields, `${logged.what} was given up: it could not be delivered for three days`);
    return true;
  };

  /** Delivers a page; answers when to look again, or `undefined` where there is more. */
  const deliverPage = async (signal: AbortSignal): Promise<number | undefined> => {
    let state = await hold();
    if (state === undefined) return work.leaseMs / 3;
    if (state.waitMs > 0) {
      held = undefined;
      return Math.min(state.waitMs, work.leaseMs / 3);
    }
    const { logId } = await store.audit.readState();
    const entries = await store.audit.listEntries({ after: state.position, limit: PAGE });
    for (const entry of entries) {
      const done = { position: entry.number, failures: 0, waitMs: 0 };
      const messages = await receiver.messagesOf(entry, logId);
      if (messages.length === 0 || isTooOld(entry)) {
        state = { ...done, failures: state.failures };
        continue;
      }
      const failed = await send(messages, state.position, signal);
      if (failed === undefined) return POLL_MS;
      const [failure] = failed;
      if (failure !== undefined) {
        const failures = state.failures + 1;
        const fields = { ...logged.who, entry: entry.number, ...failure };
        if (failures < Math.max(...failed.map(receiver.maxAttempts))) {
          logger.warn(fields, `${logged.what} could not be delivered, and is tried again`);
          const waitMs = backOffMs(failures, Math.random);
          await advance({ position: state.position, failures, waitMs });
          held = undefined;
          return Math.min(waitMs, work.leaseMs / 3);
        }
        logger.error(fields, `${logged.what} was given up: it was tried ${failures} times`);
      }
      state = done;
      if (!(await advance(state))) return POLL_MS;
    }
    const last = entries.at(-1);
    if (last === undefined) return POLL_MS;
    if (held?.state.position !== last.number && !(await advance(state))) return POLL_MS;
    return entries.length < PAGE ? POLL_MS : undefined;
  };

  return {
    name,
    async work(signal) {
      while (!signal.aborted) {
        const pauseMs = await deliverPage(signal);
        if (pauseMs !== undefined) return pauseMs;
      }
      return POLL_MS;
    },
    async release() {
      await store.consumers.release(work);
    },
  };
}
