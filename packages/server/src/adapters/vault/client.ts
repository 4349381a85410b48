import { readFile } from "node:fs/promises";

import { ConfigurationError, KeyServiceError } from "../../errors.ts";
import { parseServiceAddress } from "../service-address.ts";

/** How to sign in to Vault. */
export type VaultAuth =
  | { readonly token: string }
  /** Read each time: an agent keeps a good token there. */
  | { readonly tokenFile: string }
  /** AppRole; a token is fetched, and fetched again before it expires. `mount` is `approle` unless told. */
  | { readonly roleId: string; readonly secretId: string; readonly mount?: string };

export interface VaultConnection {
  /** `https://…`; plain http: for an agent on loopback alone. */
  readonly address: string;
  readonly auth: VaultAuth;
  readonly namespace?: string | undefined;
}

export interface VaultRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/v1/`, its segments as they are, not yet escaped. */
  readonly path: readonly string[];
  readonly body?: object;
  /** Default: three seconds, since whoever waits may be a user who signs in. */
  readonly timeoutMs?: number;
}

export interface VaultClient {
  /** For messages. */
  readonly address: string;
  /**
   * The answer's `data`.
   *
   * @throws KeyServiceError
   */
  ask(request: VaultRequest): Promise<Readonly<Record<string, unknown>>>;
}

const TIMEOUT_MS = 3_000;

/** A token is given up when this part of its life is over. */
const TOKEN_USE = 0.8;

interface Token {
  readonly text: string;
  /** By `performance.now()`. */
  readonly usableUntil: number;
}

/**
 * HTTP, with `fetch`: there is no client of HashiCorp's for Node.js.
 *
 * @throws ConfigurationError
 */
export function createVaultClient({ address, auth, namespace }: VaultConnection): VaultClient {
  const { origin, pathname } = parseServiceAddress(address, "VAULT_ADDR");
  const base = `${origin}${pathname}`.replace(/\/+$/, "");
  let signedIn: Promise<Token> | undefined;

  const send = async (
    { method, path, body, timeoutMs = TIMEOUT_MS }: VaultRequest,
    token: string | undefined,
  ): Promise<Response> => {
    const headers = {
      "X-Vault-Request": "true",
      ...(token !== undefined && { "X-Vault-Token": token }),
      ...(namespace !== undefined && { "X-Vault-Namespace": namespace }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
    };
    const url = `${base}/v1/${path.map(encodePath).join("/")}`;
    try {
      return await fetch(url, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // Followed, a redirect would carry the token to wherever it leads.
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw new KeyServiceError(
        `Vault at ${base} cannot be reached (${reasonOf(error)}). Check VAULT_ADDR and the network.`,
      );
    }
  };

  const signIn = async (): Promise<Token> => {
    if ("token" in auth) return { text: auth.token, usableUntil: Number.POSITIVE_INFINITY };
    if ("tokenFile" in auth) return { text: await readToken(auth.tokenFile), usableUntil: 0 };
    const { roleId: role_id, secretId: secret_id, mount = "approle" } = auth;
    const begun = performance.now();
    const response = await send(
      { method: "POST", path: ["auth", mount, "login"], body: { role_id, secret_id } },
      undefined,
    );
    const { auth: granted } = (await readJson(response, base, "sign-in")) as {
      auth?: { client_token?: unknown; lease_duration?: unknown };
    };
    if (typeof granted?.client_token !== "string") throw unexpected(base, "sign-in");
    const life =
      typeof granted.lease_duration === "number" && granted.lease_duration > 0 ? granted.lease_duration : Infinity;
    return { text: granted.client_token, usableUntil: begun + life * 1_000 * TOKEN_USE };
  };

  const token = async (): Promise<Token> => {
    const asked = (signedIn ??= signIn());
    try {
      const known = await asked;
      if (performance.now() < known.usableUntil) return known;
    } catch (error) {
      if (signedIn === asked) signedIn = undefined;
      throw error;
    }
    // Whoever finds it too old first asks anew, for all.
    if (signedIn === asked) signedIn = signIn();
    try {
      return await (signedIn ?? signIn());
    } catch (error) {
      signedIn = undefined;
      throw error;
    }
  };

  return {
    address: base,
    async ask(request) {
      let response = await send(request, (await token()).text);
      if (response.status === 403 && "roleId" in auth) {
        // It may have been withdrawn before its time, as a restart of Vault in memory does.
        signedIn = undefined;
        response = await send(request, (await token()).text);
      }
      if (response.status === 204) return {};
      const { data } = (await readJson(response, base, request.path.join("/"))) as { data?: unknown };
      return (data ?? {}) as Readonly<Record<string, unknown>>;
    },
  };
}

/** Mounts and paths may hold slashes; nothing may leave its place. */
function encodePath(path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments.some((segment) => /^\.{1,2}$/.test(segment)))
    throw new ConfigurationError("A Vault path has no . or .. in it.");
  return segments.map(encodeURIComponent).join("/");
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    throw new KeyServiceError(
      `Vault's token file ${path} cannot be read (${reasonOf(error)}). Check VAULT_TOKEN_FILE.`,
    );
  }
}

const HINTS: Readonly<Record<number, string>> = {
  307: "That is a standby node: give the address of the active one, or of the load balancer.",
  400: "Check the role, the mount and the name of the key.",
  403: "Check the token or AppRole, and that its policy allows this path.",
  404: "Check the mount and the path.",
  503: "It is sealed or in maintenance.",
};

/** Of an error's body nothing is told: it may repeat what was sent. */
async function readJson(response: Response, base: string, what: string): Promise<unknown> {
  if (response.status !== 200) {
    await response.body?.cancel();
    const hint = HINTS[response.status] ?? "";
    throw new KeyServiceError(`Vault at ${base} answered ${response.status} to ${what}. ${hint}`.trimEnd());
  }
  try {
    return await response.json();
  } catch {
    throw unexpected(base, what);
  }
}

export function unexpected(base: string, what: string): KeyServiceError {
  return new KeyServiceError(`Vault at ${base} answered ${what} with something else. Check VAULT_ADDR and the mount.`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return "no answer in time";
  const { cause } = error;
  const coded = cause instanceof Error ? cause : error;
  return "code" in coded ? String(coded.code) : coded.name;
}
