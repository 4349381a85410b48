import type { UserAnswer } from "@latchkey/protocol";

import { createAccountCalls } from "./calls/account.ts";
import type { SignOutResult } from "./calls/account.ts";
import { createApiFetch } from "./calls/api-fetch.ts";
import type { SignInRequest, SignUpRequest } from "./calls/sign-in.ts";
import { createAuthorityCaller } from "./core/authority.ts";
import type { CorePorts } from "./core/ports.ts";
import type { Session } from "./core/session.ts";
import { createSessionCore } from "./core/session-core.ts";
import type { ClientState, Listener } from "./core/state.ts";
import { sessionOf } from "./core/state.ts";
import { signedOut } from "./errors.ts";
import type { ClientSettings } from "./options.ts";

/** A sign-in client. Its methods need no `this`. It holds no token that can be seen, printed or serialised. */
export interface Client {
  readonly issuer: string;
  /**
   * Finds out whether somebody is signed in, and fetches the first token if so. Asks nobody when no session is known.
   * Never rejects: without an answer the state is `offline`, and the client goes on trying.
   */
  readonly start: () => Promise<ClientState>;
  /**
   * Fetches a new access token now, for example when the user has been given new rights. Never rejects; does nothing while
   * the authority has asked not to be called (`Retry-After`).
   */
  readonly refresh: () => Promise<ClientState>;
  /** Makes an account; does not sign in. @throws ClientError `weak_password`, `invalid_request`, `email_taken`, … */
  readonly signUp: (request: SignUpRequest) => Promise<UserAnswer>;
  /** Begins a session, here and in all tabs. @throws ClientError `invalid_credentials`, `locked_out`, `unreachable`, … */
  readonly signIn: (request: SignInRequest) => Promise<Session>;
  /**
   * Signs out at once, here and in all tabs, then tells the authority. Never rejects for want of an answer: the result
   * says whether the authority confirmed.
   */
  readonly signOut: () => Promise<SignOutResult>;
  /** Ends all sessions of the user, on all devices. @throws ClientError `signed_out`, `unreachable`: nothing has changed */
  readonly signOutEverywhere: () => Promise<void>;
  /** The same object until the state changes. */
  readonly getState: () => ClientState;
  /** Who is signed in; `undefined` for nobody, or before the first answer. */
  readonly getSession: () => Session | undefined;
  /** Tells the listener of every event from now on; answers how to stop that. */
  readonly subscribe: (listener: Listener) => () => void;
  /**
   * `fetch`, with the access token for the issuer's origin and `apiOrigins` and for no other; refreshes before if need be,
   * and once after a refusal. With a token, redirects are errors. Signed out, requests go without a token.
   *
   * @throws ClientError `unreachable`: there is a session, but no token to be had right now
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** A token good for a request about to be made; of a bound session, for one that brings a proof, too. @throws ClientError `signed_out`, `unreachable`, `closed` */
  readonly getAccessToken: () => Promise<string>;
  /** Seconds until the access token expires, for display; `undefined` without one. */
  readonly getSecondsLeft: () => number | undefined;
  /** Stops everything this client does; the session stays. */
  readonly close: () => void;
}

export interface ClientParts {
  readonly settings: ClientSettings;
  readonly ports: CorePorts;
  /** What relative URLs are relative to. */
  readonly baseUrl: string | undefined;
}

/** Puts the parts together; `wake` is for whoever notices that the page is back. */
export function assembleClient({ settings, ports, baseUrl }: ClientParts): {
  readonly client: Client;
  readonly wake: () => void;
} {
  const { issuer, timeoutMs, tokenOrigins } = settings;
  const call = createAuthorityCaller({ issuer, timeoutMs }, ports);
  const core = createSessionCore(ports, call);
  const apiFetch = createApiFetch({ core, fetch: ports.fetch, origins: tokenOrigins, baseUrl });
  const { start, refresh, getState, subscribe, getSecondsLeft, close } = core;

  const client: Client = {
    issuer,
    start,
    refresh,
    getState,
    getSession: () => sessionOf(getState()),
    subscribe,
    getSecondsLeft,
    close,
    ...createAccountCalls({ core, call, apiFetch, ports }),
    fetch: apiFetch,
    async getAccessToken() {
      const token = await core.getToken();
      if (token === undefined) throw signedOut();
      return token.access_token;
    },
  };
  return { client, wake: core.wake };
}
