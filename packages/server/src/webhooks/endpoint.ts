import type { WebhookKey } from "./key.ts";
import type { WebhookHeaders } from "./signature.ts";

/** A receiver of messages. */
export interface WebhookEndpoint {
  /** Names it for as long as it exists: how far it has got is kept under this name. */
  readonly id: string;
  /** May hold a secret of the receiver's: never logged. */
  readonly url: string;
  /** Messages are signed with each. */
  readonly keys: readonly WebhookKey[];
  /** `undefined`: all. */
  readonly types: ReadonlySet<string> | undefined;
  readonly timeoutMs: number;
}

/** What came of one attempt: `undefined` where the receiver took the message, or why it did not. */
export type DeliveryFailure = { readonly status: number } | { readonly reason: string } | undefined;

/**
 * Sends a message, once. Any 2xx says that it was taken. A redirect is a failure like others: it could lead anywhere, into
 * this network too.
 */
export async function sendMessage(
  { url, timeoutMs }: WebhookEndpoint,
  message: { readonly body: string; readonly headers: WebhookHeaders },
  signal: AbortSignal,
): Promise<DeliveryFailure> {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: message.body,
      headers: { ...message.headers, "content-type": "application/json", "user-agent": "Latchkey" },
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    // Nobody reads what a receiver says: it may be without end.
    await response.body?.cancel();
    return response.ok ? undefined : { status: response.status };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

/** The code alone: a message may name the URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const { cause } = error;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return error.name;
}
