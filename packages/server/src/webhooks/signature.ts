import { createHmac } from "node:crypto";

/** The headers of a message by the Standard Webhooks specification. */
export type WebhookHeaders = Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>;

const PREFIX = "whsec_";
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

/** The key in a secret as Standard Webhooks writes it: `whsec_` and base64 of 24 to 64 bytes. `undefined` for anything else. */
export function parseWebhookSecret(secret: string): Uint8Array | undefined {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "";
  const key = Buffer.from(encoded, "base64");
  if (key.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, "")) return undefined;
  return key.length < MIN_SECRET_BYTES || key.length > MAX_SECRET_BYTES ? undefined : key;
}

/**
 * Signs a message with each of the keys (HMAC-SHA-256, `v1`): a receiver that knows one of them is content.
 *
 * @param message.timestamp of this attempt, in seconds since 1970: receivers refuse old ones, so that none can be replayed
 */
export function signWebhook(
  message: { readonly id: string; readonly timestamp: number; readonly body: string },
  keys: readonly Uint8Array[],
): WebhookHeaders {
  const { id, timestamp, body } = message;
  const signatures = keys.map((key) => createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64"));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.map((signature) => `v1,${signature}`).join(" "),
  };
}
