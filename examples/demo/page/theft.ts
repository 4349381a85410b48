import type { Client } from "@latchkey/client";

import { element, setDisabled, write } from "./elements.ts";
import { log } from "./log.ts";

let loot: string | undefined;
/** The session whose theft is told of. */
let shownFor: string | undefined;

/** The buttons that copy this browser's cookies, and use the copy. */
export function setUpTheft(client: Client): void {
  element("steal").addEventListener("click", () => void steal(client));
  element("thief-refresh").addEventListener("click", () => void useLoot(client));
}

/** Says what a copy of this session is worth. */
export function showTheft(client: Client): void {
  const session = client.getSession();
  if (session === undefined) return;
  if (session.id !== shownFor) {
    shownFor = session.id;
    write("theft-story", "");
    setDisabled("thief-refresh", true);
  }
  for (const text of document.querySelectorAll<HTMLElement>("[data-theft]")) {
    text.hidden = (text.dataset["theft"] === "bound") !== session.bound;
  }
}

async function steal(client: Client): Promise<void> {
  const answer = await post("/auth/demo/steal", {});
  loot = typeof answer["loot"] === "string" ? answer["loot"] : undefined;
  setDisabled("thief-refresh", loot === undefined);
  write(
    "theft-story",
    loot === undefined
      ? "There is nothing to steal."
      : client.getSession()?.bound === true
        ? "The thief has a copy of your refresh token, but not your key."
        : "The thief has a copy of your refresh token. Refresh first, or let the thief: see what happens to the second.",
  );
  log("a thief copied this browser's cookies", "bad");
}

async function useLoot(client: Client): Promise<void> {
  await (client.getSession()?.bound === true ? useWithoutKey(client) : useUnbound(client));
  setDisabled("thief-refresh", true);
}

/** A copy of a bound session: whatever the thief tries, the session's owner goes on. */
async function useWithoutKey(client: Client): Promise<void> {
  const bare = await post("/auth/demo/use", { loot });
  log(`the thief refreshed with the copied cookies: ${String(bare["status"])} ${String(bare["error"])}`, "bad");
  const forged = await post("/auth/demo/use", { loot, own_key: true });
  log(`the thief proved a key of its own: ${String(forged["status"])} ${String(forged["error"])}`, "bad");
  const state = await client.refresh();
  write(
    "theft-story",
    state.status === "fresh"
      ? `Refused: without your key the copy is worth nothing. You went on, to generation ${state.session.generation ?? "?"}.`
      : "Refused. Your own refresh got no answer yet.",
  );
}

/** A copy of an unbound session: of two who use it, the second gives it away. */
async function useUnbound(client: Client): Promise<void> {
  const answer = await post("/auth/demo/use", { loot });
  if (answer["status"] === 200) {
    write("theft-story", "The thief was first and has new tokens. Now your own refresh comes second: watch.");
    log("the thief refreshed with the copy, and was first", "bad");
    await client.refresh();
    write("theft-story", "Caught: your refresh came second, so the session ended, and the thief's new tokens with it.");
  } else {
    write("theft-story", "Caught: the copy had been used already. The session ended for both of you.");
    log(`the thief refreshed with the copy: ${String(answer["status"])} ${String(answer["error"])}`, "bad");
    await client.refresh();
  }
  const afterwards = await post("/auth/demo/use", { loot });
  log(`the thief tries once more: ${String(afterwards["status"])} ${String(afterwards["error"])}`, "bad");
}

async function post(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
  return (await answer.json()) as Record<string, unknown>;
}
