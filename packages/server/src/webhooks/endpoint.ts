import type { Receiver } from "../deliveries/receiver.ts";
import type { WebhookKey } from "./key.ts";
import { messageOf } from "./message.ts";
import { signWebhook } from "./signature.ts";

/** A receiver of webhooks. */
export interface WebhookEndpoint {
  /** Names it for as long as it exists. */
  readonly id: string;
  /** May hold a secret of the receiver's: never logged. */
  readonly url: string;
  /** Messages are signed with each. */
  readonly keys: readonly WebhookKey[];
  /** `undefined`: all. */
  readonly types: ReadonlySet<string> | undefined;
  readonly timeoutMs: number;
}

/** Sends each entry as one message, under the same id however often; any 2xx says that it was taken. */
export function webhookReceiver({ id, url, keys, types, timeoutMs }: WebhookEndpoint): Receiver {
  return {
    name: `webhook ${id}`,
    url,
    timeoutMs,
    logged: { what: "a webhook", who: { webhook: id } },
    async messagesOf(entry, logId) {
      if (types !== undefined && !types.has(entry.type)) return [];
      const message = messageOf(logId, entry);
      return [
        async () => {
          const timestamp = Math.floor(Date.now() / 1_000);
          const signed = signWebhook({ ...message, timestamp }, keys);
          return { body: message.body, headers: { ...signed, "content-type": "application/json" } };
        },
      ];
    },
    isTaken: (status) => status >= 200 && status < 300,
    maxAttempts: () => Infinity,
  };
}
