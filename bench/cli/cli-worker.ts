/**
 * A program of a user who has many: it refreshes so many times and says a word for each. Arguments: issuer, folder, how
 * many, `lock` or `no-lock`.
 */
import { setTimeout as sleep } from "node:timers/promises";

import type { TokenStore } from "@latchkey/client/node";
import { createClient, createFileStore } from "@latchkey/client/node";

const [issuer = "", folder = "", count = "0", locking = ""] = process.argv.slice(2);
const files = createFileStore({ folder });
const store: TokenStore = locking === "lock" ? files : { read: files.read, replace: files.replace };
const client = createClient({ issuer, store, requestTimeoutSeconds: 5 });

let left = Number(count);
while (left > 0) {
  const started = performance.now();
  const before = client.getSession()?.generation ?? -1;
  const state = await client.refresh();
  if (state.status === "fresh" && (state.session.generation ?? -1) > before) {
    left -= 1;
    process.stdout.write(`refreshed ${Math.ceil(performance.now() - started)}\n`);
  } else if (state.status === "signed-out" || state.status === "ended") {
    process.stdout.write(`${state.status}\n`);
    left = 0;
  } else {
    await sleep(40);
  }
}
client.close();
