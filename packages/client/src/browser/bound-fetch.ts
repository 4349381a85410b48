import { DPOP_HEADER, DPOP_NONCE_HEADER } from "@latchkey/protocol";
import type { KeyPair } from "dpop";
import { generateProof } from "dpop";

import type { CorePorts } from "../core/ports.ts";
import type { KeyStore } from "./key-store.ts";

type Fetch = CorePorts["fetch"];

export interface BoundFetchParts {
  readonly issuer: string;
  readonly fetch: Fetch;
  /** `undefined` where there can be no keys. */
  readonly keys: KeyStore | undefined;
  /** Whether sign-ins bind their sessions. Bound ones are served in any case. */
  readonly bindsSignIns: boolean;
  /** Told when a key could not be read or made. */
  readonly tellNoStorage: () => void;
}

/**
 * `fetch`, with proofs of possession (RFC 9449): for a sign-in, which binds its session to the browser's key; for
 * refreshes, where there is a key; and for requests with a bound access token. Each time a request is sent it has a proof of
 * its own. Told to use a nonce, it asks once more with that.
 *
 * Where the authority wants a proof for a session, and its key is certainly gone, the answer is `key_lost` in place of the
 * authority's. Where the key cannot be read just now, nothing is concluded.
 */
export function createBoundFetch({ issuer, fetch, keys, bindsSignIns, tellNoStorage }: BoundFetchParts): Fetch {
  /** The last one of each origin. */
  const nonces = new Map<string, string>();

  async function sendProven(
    key: KeyPair,
    { url, method, accessToken }: { readonly url: string; readonly method: string; readonly accessToken?: string },
    send: (proof: string) => Promise<Response>,
  ): Promise<Response> {
    const { origin, pathname } = new URL(url);
    const sendOnce = async (): Promise<Response> => {
      const response = await send(await generateProof(key, origin + pathname, method, nonces.get(origin), accessToken));
      const nonce = response.headers.get(DPOP_NONCE_HEADER);
      if (nonce !== null) nonces.set(origin, nonce);
      return response;
    };
    const response = await sendOnce();
    return (await errorOf(response)) === "use_dpop_nonce" ? sendOnce() : response;
  }

  async function callAuthority(url: string, init: RequestInit, key: KeyPair | undefined): Promise<Response> {
    if (key === undefined) return fetch(url, init);
    return sendProven(key, { url, method: "POST" }, (proof) => {
      const headers = new Headers(init.headers);
      headers.set(DPOP_HEADER, proof);
      return fetch(url, { ...init, headers });
    });
  }

  async function signIn(url: string, init: RequestInit): Promise<Response> {
    return callAuthority(url, init, (await readKey((store) => store.findOrCreate())).key);
  }

  async function refresh(url: string, init: RequestInit): Promise<Response> {
    const { key, isGone } = await readKey((store) => store.find());
    const answer = await callAuthority(url, init, key);
    const isLost = isGone && (await errorOf(answer)) === "invalid_dpop_proof";
    return isLost ? Response.json({ error: "key_lost" }, { status: 401 }) : answer;
  }

  async function callApi(request: Request, accessToken: string): Promise<Response> {
    const { key } = await readKey((store) => store.find());
    // Nobody would take the token without its key. The refresh that this leads to finds out what has become of it.
    if (key === undefined) return new Response(null, { status: 401, headers: { "WWW-Authenticate": REFRESH } });
    return sendProven(key, { url: request.url, method: request.method, accessToken }, (proof) => {
      const proven = request.clone();
      proven.headers.set(DPOP_HEADER, proof);
      return fetch(proven);
    });
  }

  async function readKey(
    read: (store: KeyStore) => Promise<KeyPair | undefined>,
  ): Promise<{ readonly key?: KeyPair | undefined; readonly isGone: boolean }> {
    if (keys === undefined) return { isGone: false };
    try {
      const key = await read(keys);
      return { key, isGone: key === undefined };
    } catch {
      tellNoStorage();
      return { isGone: false };
    }
  }

  return async (input, init = {}) => {
    if (input === `${issuer}/auth/login` && bindsSignIns) return signIn(input, init);
    if (input === `${issuer}/auth/refresh`) return refresh(input, init);
    const accessToken = input instanceof Request ? findBoundToken(input) : undefined;
    return input instanceof Request && accessToken !== undefined ? callApi(input, accessToken) : fetch(input, init);
  };
}

const REFRESH = 'DPoP error="invalid_token", error_description="stale_token"';

/** The access token of a request that needs a proof; a caller who brings both has made one. */
function findBoundToken({ headers }: Request): string | undefined {
  return headers.has(DPOP_HEADER) ? undefined : /^DPoP (.+)$/.exec(headers.get("Authorization") ?? "")?.[1];
}

/** The error code about a proof: in the body of the authority's answers, in the challenge of a protected resource's. */
async function errorOf(response: Response): Promise<unknown> {
  if (response.status === 401) return /\berror="(\w+)"/.exec(response.headers.get("WWW-Authenticate") ?? "")?.[1];
  if (response.status !== 400) return undefined;
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return typeof body === "object" && body !== null && "error" in body ? body.error : undefined;
}
