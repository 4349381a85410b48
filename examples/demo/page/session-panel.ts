import type { BrowserClient } from "@latchkey/client";

import { element, write } from "./elements.ts";

const UNBOUND = {
  off: "unbound",
  begun_unbound: "unbound",
  no_web_crypto: "unbound: no secure context",
  no_key_storage: "unbound: this browser keeps no keys",
} as const;

let shown: string | undefined;

/** Shows who is signed in, and the access token's life running down. */
export function showSession(client: BrowserClient): void {
  const session = client.getSession();
  if (session === undefined) return;
  const { user } = session;
  write("user", user.roles.length === 0 ? user.email : `${user.email} (${user.roles.join(", ")})`);
  write("session-id", session.id);
  write("generation", String(session.generation ?? "?"));
  write("scope", session.scope);
  write("binding", session.bound ? "bound to this key" : UNBOUND[client.unbound.reason]);
  element("binding").dataset["bound"] = String(session.bound);
  const left = Math.max(0, Math.floor(client.getSecondsLeft() ?? 0));
  write(
    "life-left",
    left === 0 ? "being refreshed …" : `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`,
  );
  void showLife(client, left);
}

async function showLife(client: BrowserClient, left: number): Promise<void> {
  if (client.getState().status !== "fresh") return;
  const token = await client.getAccessToken().catch(() => undefined);
  if (token === undefined) return;
  const claims = readClaims(token);
  const bar = element("life");
  if (bar instanceof HTMLProgressElement) bar.value = left / Math.max(1, claims.exp - claims.iat);
  if (token === shown) return;
  shown = token;
  write("claims", JSON.stringify(claims, null, 2));
  write("key", claims.cnf?.jkt ?? "none");
}

interface Claims {
  readonly exp: number;
  readonly iat: number;
  /** The thumbprint of the key that the token is bound to. */
  readonly cnf?: { readonly jkt: string };
}

/** Reads a token for display. Nothing may be decided by it: only an API that checks the signature can. */
function readClaims(token: string): Claims {
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
}
