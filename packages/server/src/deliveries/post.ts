import type { Receiver } from "./receiver.ts";

export interface PostedMessage {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Why a receiver did not take a message. */
export type DeliveryFailure = { readonly status: number } | { readonly reason: string };

/**
 * Sends a message, once; answers `undefined` where it was taken. A redirect is a failure like others: it could lead anywhere,
 * into this network too.
 */
export async function post(
  { url, timeoutMs, isTaken }: Pick<Receiver, "url" | "timeoutMs" | "isTaken">,
  message: PostedMessage,
  signal: AbortSignal,
): Promise<DeliveryFailure | undefined> {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: message.body,
      headers: { ...message.headers, "user-agent": "Latchkey" },
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    // Nobody reads what a receiver says: it may be without end.
    await response.body?.cancel();
    return isTaken(response.status) ? undefined : { status: response.status };
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
