import type { Tabs } from "../core/ports.ts";
import type { TabMessage } from "../core/tab-message.ts";
import { parseTabMessage } from "../core/tab-message.ts";
import type { CredentialVault, HeldGrant } from "./credential-vault.ts";

/** What the other processes of this user have put into the store, told as tabs tell each other. */
export interface OtherProcesses extends Tabs {
  /** Tells what is new since last time. Answers whether there is something new that could not be told: an old token. */
  look(): boolean;
}

/** A token this close to its end is no help: the least of ten seconds and a tenth of its life. */
const LEAST_LEFT_MS = 10_000;

export function createOtherProcesses(vault: CredentialVault, wallMs: () => number): OtherProcesses {
  let hear: (message: unknown) => void = () => undefined;
  /** The version that this process knows the token of. */
  let known: string | undefined;

  function tell(held: HeldGrant | undefined): void {
    if (held === undefined || held.version === known) return;
    const now = wallMs();
    const { answer, version, bornAtWallMs } = held;
    const ageMs = now - bornAtWallMs;
    const lifeMs = answer.expires_in * 1_000;
    // Negative where the device's clock was set back meanwhile.
    if (ageMs < 0 || ageMs >= lifeMs - Math.min(LEAST_LEFT_MS, lifeMs / 10)) return;
    known = version;
    hear({ type: "token", version, answer, ageMs, sentAtWallMs: now } satisfies TabMessage);
  }

  return {
    post(message) {
      const said = parseTabMessage(message, wallMs());
      if (said?.type === "token") known = said.version;
      // Not at once: whoever asks begins to listen afterwards.
      if (said?.type === "ask") queueMicrotask(() => tell(vault.read()));
    },

    listen(listener) {
      hear = listener;
      tell(vault.read());
    },

    look() {
      const held = vault.read();
      tell(held);
      return held !== undefined && held.version !== known;
    },

    close() {
      hear = () => undefined;
    },
  };
}
