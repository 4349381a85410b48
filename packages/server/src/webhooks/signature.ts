import type { WebhookKey } from "./key.ts";

/** The headers of a message by the Standard Webhooks specification. */
export type WebhookHeaders = Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>;

/**
 * Signs a message with each of the keys: a receiver that knows one of them is content.
 *
 * @param message.timestamp of this attempt, in seconds since 1970: receivers refuse old ones, so that none can be replayed
 */
export function signWebhook(
  message: { readonly id: string; readonly timestamp: number; readonly body: string },
  keys: readonly WebhookKey[],
): WebhookHeaders {
  const { id, timestamp, body } = message;
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": keys.map((key) => key.sign(`${id}.${timestamp}.${body}`)).join(" "),
  };
}
