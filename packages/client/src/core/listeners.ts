import type { ClientEvent, Listener } from "./state.ts";

export interface Listeners {
  readonly add: (listener: Listener) => () => void;
  tell(event: ClientEvent): void;
}

/** A listener that throws keeps neither the others nor the client from going on; its error surfaces as uncaught. */
export function createListeners(): Listeners {
  const listeners = new Set<Listener>();
  return {
    add(listener) {
      // Subscribed twice, it hears twice.
      const entry: Listener = (event) => listener(event);
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
    tell(event) {
      for (const hear of listeners) {
        try {
          hear(event);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
