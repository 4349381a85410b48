import type { Client } from "@latchkey/client";

import { write } from "./elements.ts";
import { log } from "./log.ts";

/** Calls the demo API as the button says, and shows its whole answer. */
export async function callApi(client: Client, api: string, what: string): Promise<void> {
  const path = what === "reports" ? "/api/reports" : "/api/me";
  const answer = what === "me" || what === "reports" ? await client.fetch(api + path) : await fool(client, api, what);
  const challenge = answer.headers.get("WWW-Authenticate");
  const body: unknown = await answer.json();
  write(
    "api-answer",
    [
      `GET ${path}  →  ${answer.status} ${answer.statusText}`,
      ...(challenge === null ? [] : [`WWW-Authenticate: ${challenge}`]),
      "",
      JSON.stringify(body, null, 2),
    ].join("\n"),
  );
  log(`GET ${path} with ${DESCRIPTIONS[what] ?? "the access token"}: ${answer.status}`);
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  none: "no token",
  garbage: "garbage",
  unsigned: "an unsigned token",
  tampered: "a changed token",
  copied: "a copy of the token, without the key",
};

/** Calls the API with something that is no valid token. */
async function fool(client: Client, api: string, how: string): Promise<Response> {
  const forged = forge(await client.getAccessToken(), how);
  return fetch(`${api}/api/me`, forged === undefined ? {} : { headers: { Authorization: `Bearer ${forged}` } });
}

function forge(token: string, how: string): string | undefined {
  const [header = "", payload = "", signature = ""] = token.split(".");
  switch (how) {
    case "garbage":
      return "this.is.no-token";
    case "unsigned":
      return `${encode({ typ: "at+jwt", alg: "none" })}.${payload}.`;
    case "copied":
      return token;
    case "tampered":
      return `${header}.${payload.slice(0, -2)}AA.${signature}`;
    default:
      return undefined;
  }
}

function encode(value: object): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
