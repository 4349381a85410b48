import { randomUUID } from "node:crypto";

import type { RepeatedTask } from "../adapters/repeated-task.ts";
import { startRepeatedTask } from "../adapters/repeated-task.ts";
import type { AuditRow } from "../ports/audit-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConsumerState } from "../ports/consumer-store.ts";
import type { Logger } from "../ports/logger.ts";
import type { Store } from "../ports/store.ts";
import { backOffMs } from "./back-off.ts";
import type { WebhookEndpoint } from "./endpoint.ts";
import { sendMessage } from "./endpoint.ts";
import { messageOf } from "./message.ts";
import { signWebhook } from "./signature.ts";

export interface WebhookDeliveriesOptions {
  readonly store: Pick<Store, "audit" | "consumers">;
  readonly endpoints: readonly WebhookEndpoint[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often the audit log is looked at, in milliseconds. */
const POLL_MS = 1_000;

/** For how much longer than a delivery may take a node has the work, in milliseconds. */
const LEASE_SLACK_MS = 5_000;

/** For how long a message is tried, in seconds; then the next one is. */
const GIVE_UP_SECONDS = 3 * 86_400;

const PAGE = 100;

/**
 * Delivers entries of the audit log to each endpoint, in their order, each until it is taken or three days old. Endpoints do
 * not wait for each other. One node delivers to an endpoint at a time, and another goes on soon after it has died: a message
 * that was under way may then come twice, under the same id.
 */
export function startWebhookDeliveries(options: WebhookDeliveriesOptions): RepeatedTask {
  const { endpoints, logger } = options;
  const deliveries = endpoints.map((endpoint) => createDelivery(endpoint, options));
  const tasks = deliveries.map((delivery) => {
    const work = (signal: AbortSignal): Promise<number> => delivery.work(signal);
    return startRepeatedTask({ name: `webhook ${delivery.id}`, logger, firstMs: 50, retryMs: POLL_MS * 5, work });
  });
  return {
    async close() {
      await Promise.all(tasks.map((task) => task.close()));
      // Whoever cannot be told waits until the lease is over.
      await Promise.allSettled(deliveries.map((delivery) => delivery.release()));
    },
  };
}

interface Delivery {
  readonly id: string;
  /** Delivers what there is; answers when to look again. */
  work(signal: AbortSignal): Promise<number>;
  release(): Promise<void>;
}

function createDelivery(endpoint: WebhookEndpoint, options: WebhookDeliveriesOptions): Delivery {
  const { id, types, keys, timeoutMs } = endpoint;
  const { store, clock, logger } = options;
  const work = { name: `webhook ${id}`, holder: randomUUID(), leaseMs: timeoutMs + LEASE_SLACK_MS };
  let held: { readonly state: ConsumerState; readonly since: number } | undefined;

  /** How far the endpoint is, by this node's memory for as long as nobody else can have changed it. */
  const hold = async (): Promise<ConsumerState | undefined> => {
    const since = performance.now();
    if (held !== undefined && since - held.since < LEASE_SLACK_MS / 2) return held.state;
    const { head } = await store.audit.readState();
    // A new endpoint is told of what comes, not of all that was.
    const state = await store.consumers.claim({ ...work, startAt: head.number });
    held = state && { state, since };
    return state;
  };

  /** Answers whether the endpoint still is this node's. */
  const advance = async (state: ConsumerState): Promise<boolean> => {
    const since = performance.now();
    held = (await store.consumers.advance({ ...work, ...state })) ? { state, since } : undefined;
    return held !== undefined;
  };

  const deliver = async (logId: string, entry: AuditRow, signal: AbortSignal): Promise<boolean> => {
    const message = messageOf(logId, entry);
    const timestamp = Math.floor(Date.now() / 1_000);
    const headers = signWebhook({ ...message, timestamp }, keys);
    const failure = await sendMessage(endpoint, { body: message.body, headers }, signal);
    if (failure !== undefined && !signal.aborted) {
      logger.warn(
        { webhook: id, entry: entry.number, ...failure },
        "a webhook could not be delivered, and is tried again",
      );
    }
    return failure === undefined;
  };

  const isWanted = ({ number, type, at }: AuditRow): boolean => {
    if (types !== undefined && !types.has(type)) return false;
    if (at >= clock() - GIVE_UP_SECONDS) return true;
    logger.error({ webhook: id, entry: number }, "a webhook was given up: it could not be delivered for three days");
    return false;
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
      if (!isWanted(entry)) {
        state = { ...done, failures: state.failures };
        continue;
      }
      // Another node may have gone on meanwhile.
      const current = await hold();
      if (current === undefined || current.position > state.position || signal.aborted) return POLL_MS;
      if (!(await deliver(logId, entry, signal))) {
        if (signal.aborted) return POLL_MS;
        const failures = state.failures + 1;
        const waitMs = backOffMs(failures, Math.random);
        await advance({ position: state.position, failures, waitMs });
        held = undefined;
        return Math.min(waitMs, work.leaseMs / 3);
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
    id,
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
