import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** What Node's `fetch` tells of a request it writes. */
interface SentHeaders {
  readonly request: { readonly origin: unknown; readonly path: unknown };
  readonly socket: Socket;
}

const CHANNEL = "undici:client:sendHeaders";

/**
 * Until the returned function is called, a request to `url` by Node's own `fetch` keeps no process alive once it was sent: a
 * program that has done its work must end although it still follows a feed. Any other `fetch` is not touched.
 */
export function letProcessEndDuring(url: string): () => void {
  const { origin, pathname, search } = new URL(url);
  const onSent = (message: unknown): void => {
    const { request, socket } = message as SentHeaders;
    if (String(request?.origin) === origin && request.path === `${pathname}${search}`) socket?.unref?.();
  };
  subscribe(CHANNEL, onSent);
  return () => {
    unsubscribe(CHANNEL, onSent);
  };
}
