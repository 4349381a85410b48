import type { Client } from "@latchkey/client";
import { ClientError, endSession, listSessions } from "@latchkey/client";

import { element } from "./elements.ts";
import { log } from "./log.ts";

/** Lists the user's sessions, each with a button that ends it. */
export async function showDevices(client: Client): Promise<void> {
  const sessions = await listSessions(client).catch(tolerate);
  if (sessions === undefined) return;
  const entries = sessions.map((session) => {
    const entry = document.createElement("li");
    const since = new Date(session.created_at).toLocaleString();
    entry.append(`${nameOf(session.device)}, since ${since}${session.current ? " (this one)" : ""} `);
    if (!session.current) {
      const button = document.createElement("button");
      button.textContent = "End it";
      button.addEventListener("click", () => void end(client, session.id));
      entry.append(button);
    }
    return entry;
  });
  element("sessions").replaceChildren(...entries);
}

async function end(client: Client, id: string): Promise<void> {
  await endSession(client, id).catch(tolerate);
  log("ended another session");
  await showDevices(client);
}

/** A list that cannot be had right now is no fault of the page's. */
function tolerate(error: unknown): undefined {
  if (!(error instanceof ClientError)) throw error;
  return undefined;
}

function nameOf(userAgent: string | null): string {
  const browser = /(Firefox|Edg|Chrome|Safari)\//.exec(userAgent ?? "")?.[1];
  const system = /(Windows|Mac OS X|Android|Linux|iPhone|iPad)/.exec(userAgent ?? "")?.[1];
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(" on ") || (userAgent ?? "unknown device");
}
