import type { Answer, TestAuthority } from "../authority.ts";

export const API = "https://api.example.com";
export const OTHER_API = "https://other.example.com";

/** Options of an authority with two APIs, each of which may ask about its own tokens, and one that may about all. */
export const WITH_RESOURCE_SERVERS = {
  audiences: [API, OTHER_API],
  scopes: { allowed: ["read:a", "write:a"] },
  resourceServers: [
    { id: "api", secret: secretOf("api"), audiences: [API] },
    { id: "other", secret: secretOf("other"), audiences: [OTHER_API] },
    { id: "gateway", secret: secretOf("gateway") },
  ],
};

export function basicOf(id: string): string {
  return `Basic ${Buffer.from(`${id}:${secretOf(id)}`).toString("base64")}`;
}

/** A form; `undefined` leaves a parameter out. */
export function form(parameters: Readonly<Record<string, string | undefined>>): {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    text: new URLSearchParams(sent).toString(),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  };
}

export async function introspect(authority: TestAuthority, token: string, id = "gateway"): Promise<Answer> {
  const { text, headers } = form({ token });
  return authority.call("POST", "/oauth/introspect", { text, headers: { ...headers, Authorization: basicOf(id) } });
}

export async function revoke(
  authority: TestAuthority,
  token: string,
  parameters: Readonly<Record<string, string | undefined>> = {},
): Promise<Answer> {
  return authority.call("POST", "/oauth/revoke", form({ token, client_id: "first-party", ...parameters }));
}

function secretOf(id: string): string {
  return `${id}-secret-of-at-least-32-characters`;
}
