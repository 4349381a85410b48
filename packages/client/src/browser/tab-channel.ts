import type { Tabs } from "../core/ports.ts";

/** Tabs by `BroadcastChannel`; where there is none, a tab is on its own and the cookie jar is all they share. */
export function createTabChannel(name: string): Tabs {
  if (typeof BroadcastChannel === "undefined") return { post() {}, listen() {}, close() {} };
  const channel = new BroadcastChannel(name);
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel never leaves its origin
    post: (message) => channel.postMessage(message),
    listen(listener) {
      channel.addEventListener("message", (event: MessageEvent<unknown>) => listener(event.data));
    },
    close: () => channel.close(),
  };
}
