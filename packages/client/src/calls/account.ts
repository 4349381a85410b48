import type { UserAnswer } from "@latchkey/protocol";

import { errorCodeOf, refusalOf } from "../core/answer.ts";
import type { CallAuthority } from "../core/authority.ts";
import type { CorePorts, Credentials } from "../core/ports.ts";
import type { Session } from "../core/session.ts";
import { isRecord, isUser, parseSessionAnswer } from "../core/session.ts";
import type { SessionCore } from "../core/session-core.ts";
import { sessionOf } from "../core/state.ts";
import { ClientError, signedOut } from "../errors.ts";
import type { ApiFetch } from "./api-fetch.ts";
import type { SignInRequest, SignUpRequest } from "./sign-in.ts";

export interface AccountCalls {
  readonly signUp: (request: SignUpRequest) => Promise<UserAnswer>;
  readonly signIn: (request: SignInRequest) => Promise<Session>;
  readonly signOut: () => Promise<SignOutResult>;
  readonly signOutEverywhere: () => Promise<void>;
}

export interface SignOutResult {
  /**
   * Whether the authority confirmed the end of the session. If not (it could not be reached), this browser is signed out
   * all the same, and the session itself lives on until its idle limit, unheld.
   */
  readonly confirmed: boolean;
}

/** Sign-in waits no longer than this for a refresh of another tab, whose late cookies might replace the new ones. */
const LOCK_WAIT_MS = 4_000;
/**
 * Sign-out waits for less: other tabs have been told to let go, and one that does not hangs, while the user may be about to
 * close this page, and the session would live on.
 */
const SIGN_OUT_LOCK_WAIT_MS = 250;
const MAX_LOGOUT_TRIES = 3;

export interface AccountParts {
  readonly core: SessionCore;
  readonly call: CallAuthority;
  /** Attaches the access token, and sends once more with a new one. */
  readonly apiFetch: ApiFetch;
  readonly ports: CorePorts;
}

export function createAccountCalls({ core, call, apiFetch, ports }: AccountParts): AccountCalls {
  const { store } = ports;
  const inTurn = createTurns();

  async function signIn(request: SignInRequest, epoch: number): Promise<Session> {
    const json = { ...request, transport: "cookie" };
    const bornAtMs = ports.nowMs();
    const answer = await ports.runExclusive(() => call({ path: "/auth/login", json }), LOCK_WAIT_MS);
    const granted = answer?.status === 200 ? parseSessionAnswer(answer.body) : undefined;
    if (granted === undefined) throw refusalOf(answer);
    if (core.epoch() !== epoch) {
      await logOut(store.read());
      throw new ClientError("superseded_locally", "A sign-out came first.");
    }
    core.accept(granted, bornAtMs);
    const session = sessionOf(core.getState());
    if (session === undefined) {
      throw new ClientError("unreachable", "No cookies are kept here.");
    }
    return session;
  }

  /** Ends the session of these credentials. Any generation's will do, so nothing is lost if they are no longer the newest. */
  async function logOut(credentials: Credentials | undefined): Promise<boolean> {
    if (credentials === undefined) return true;
    store.forget(credentials);
    for (let tries = 0; tries < MAX_LOGOUT_TRIES; tries++) {
      const answer = await call({ path: "/auth/logout", csrfToken: credentials.version, keepalive: true });
      if (answer?.status === 204) return true;
      // The cookies are of another session by now: of somebody who has signed in since, and is not ours to sign out.
      if (errorCodeOf(answer) === "csrf_failed") return false;
    }
    return false;
  }

  return {
    async signUp(request) {
      const answer = await call({ path: "/auth/signup", json: request });
      const user = answer?.status === 201 && isRecord(answer.body) ? answer.body["user"] : undefined;
      if (isUser(user)) return user;
      throw refusalOf(answer);
    },

    signIn(request) {
      const epoch = core.epoch();
      return inTurn(() => core.occupy(() => signIn(request, epoch)));
    },

    signOut() {
      // At once, whatever else is under way: from here on no token is handed out in any tab.
      const credentials = core.release();
      return inTurn(async () => ({
        confirmed: await ports.runExclusive(() => logOut(credentials), SIGN_OUT_LOCK_WAIT_MS),
      }));
    },

    async signOutEverywhere() {
      if ((await core.getToken()) === undefined) throw signedOut();
      const answer = await call({ path: "/auth/logout-all", fetch: apiFetch });
      if (answer?.status !== 204) throw refusalOf(answer);
      core.release();
    },
  };
}

/** Runs what it is given one after the other. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine;
    return mine;
  };
}
