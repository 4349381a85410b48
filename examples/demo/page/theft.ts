import type { Client } from "@latchkey/client";

import { element, setDisabled, write } from "./elements.ts";
import { log } from "./log.ts";

let loot: string | undefined;

/** The buttons that copy this browser's cookies, and use the copy. */
export function setUpTheft(client: Client): void {
  element("steal").addEventListener("click", () => void steal());
  element("thief-refresh").addEventListener("click", () => void useLoot(client));
}

async function steal(): Promise<void> {
  const answer = await post("/auth/demo/steal", {});
  loot = typeof answer["loot"] === "string" ? answer["loot"] : undefined;
  setDisabled("thief-refresh", loot === undefined);
  write(
    "theft-story",
    loot === undefined
      ? "There is nothing to steal."
      : "The thief has a copy of your refresh token. Refresh first, or let the thief: see what happens to the second.",
  );
  log("a thief copied this browser's cookies", "bad");
}

async function useLoot(client: Client): Promise<void> {
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
  setDisabled("thief-refresh", true);
}

async function post(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
  return (await answer.json()) as Record<string, unknown>;
}
