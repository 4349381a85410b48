import type { Tabs } from "../core/ports.ts";

/** Tabs by `BroadcastChannel`, which reaches this origin's pages and nobody else. */
export function createTabChannel(name: string): Tabs {
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
