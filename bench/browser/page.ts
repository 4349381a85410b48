import type { BrowserClient } from "@latchkey/client";
import { createClient } from "@latchkey/client";

declare global {
  interface Window {
    /** For the trial, which plays the user. */
    latchkey: BrowserClient;
    /** Tells the trial what has become of the session. */
    tellTrial(line: string): Promise<void>;
    /** What a script that was there first has seen go by. */
    loot: string[];
    /** How often the page has stood still. */
    frozen: number;
  }
}

const STANDSTILL_MS = 900;

const binding = new URLSearchParams(location.search).get("binding") === "off" ? "off" : "auto";
const client = createClient({ issuer: location.origin, binding, requestTimeoutSeconds: 10 });
window.latchkey = client;
window.frozen = 0;
let tickedAt = performance.now();
setInterval(() => {
  if (performance.now() - tickedAt > STANDSTILL_MS) window.frozen += 1;
  tickedAt = performance.now();
}, 100);

client.subscribe((event) => {
  if (event.type !== "state") return;
  const { state } = event;
  const detail = state.status === "offline" ? ` ${state.cause}` : state.status === "ended" ? ` ${state.reason}` : "";
  void window.tellTrial(`${state.status}${detail}`);
});
await client.start();
void window.tellTrial(`started: ${client.getState().status}`);
