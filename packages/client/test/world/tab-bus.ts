import type { Tabs } from "../../src/core/ports.ts";

/** `BroadcastChannel` among the tabs of a test: to all others, later; a frozen tab gets its mail when it thaws. */
export interface TabBus {
  join(): Tabs & { freeze(): void; thaw(): void };
}

export function createTabBus(): TabBus {
  const members = new Set<{ receive(message: unknown): void }>();
  return {
    join() {
      let listener: ((message: unknown) => void) | undefined;
      let frozen = false;
      let queue: unknown[] = [];
      const member = {
        receive(message: unknown) {
          if (frozen) queue.push(message);
          else listener?.(message);
        },
      };
      members.add(member);
      return {
        post(message) {
          const copy: unknown = structuredClone(message);
          for (const other of members) if (other !== member) setImmediate(() => other.receive(copy));
        },
        listen(listen) {
          listener = listen;
        },
        close: () => members.delete(member),
        freeze() {
          frozen = true;
        },
        thaw() {
          frozen = false;
          const mail = queue;
          queue = [];
          for (const message of mail) listener?.(message);
        },
      };
    },
  };
}
