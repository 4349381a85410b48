import type { TokenStore } from "@latchkey/client/node";

import { readToken } from "../harness/refresh-token.ts";

/** Reads a store all the time, as one more process would, and keeps book of what must never be seen there. */
export interface StoreWatch {
  readonly reads: number;
  /** The newest generation seen. */
  readonly generation: number;
  /** Each a sentence: a state that cannot be read, that holds no session, or an older one after a newer one. */
  readonly faults: readonly string[];
  stop(): void;
}

const LOOK_MS = 10;

export function watchStore(store: TokenStore): StoreWatch {
  const faults: string[] = [];
  let [reads, generation, revision] = [0, 0, 0];

  const look = (): void => {
    reads += 1;
    try {
      const stored = store.read();
      const content = JSON.parse(stored?.text ?? "") as { readonly refresh_token?: string };
      if (stored === undefined || content.refresh_token === undefined) {
        faults.push(`revision ${stored?.revision}: no session`);
        return;
      }
      const seen = readToken(content.refresh_token).generation;
      if (stored.revision < revision || seen < generation) {
        faults.push(`revision ${stored.revision}: generation ${seen} after ${generation}`);
      }
      [revision, generation] = [stored.revision, seen];
    } catch (error) {
      faults.push(String(error));
    }
  };
  look();
  const timer = setInterval(look, LOOK_MS);

  return {
    get reads() {
      return reads;
    },
    get generation() {
      return generation;
    },
    faults,
    stop() {
      clearInterval(timer);
      look();
    },
  };
}
