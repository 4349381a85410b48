import type { SessionSummary, UserAnswer } from "@latchkey/protocol";

import type { Answer } from "../core/answer.ts";
import { errorCodeOf, refusalOf } from "../core/answer.ts";
import type { AuthorityCall, CallAuthority } from "../core/authority.ts";
import type { CorePorts, Credentials } from "../core/ports.ts";
import type { Session } from "../core/session.ts";
import { isRecord, parseSessionAnswer } from "../core/session.ts";
import type { SessionCore } from "../core/session-core.ts";
import { sessionOf } from "../core/state.ts";
import { ClientError, signedOut } from "../errors.ts";
import type { SignInRequest, SignUpRequest } from "./sign-in.ts";

export interface AccountCalls {
  readonly signUp: (request: SignUpRequest) => Promise<UserAnswer>;
  readonly signIn: (request: SignInRequest) => Promise<Session>;
  readonly signOut: () => Promise<SignOutResult>;
  readonly signOutEverywhere: () => Promise<void>;
  readonly getUser: () => Promise<UserAnswer>;
  readonly listSessions: () => Promise<readonly SessionSummary[]>;
  readonly endSession: (sessionId: string) => Promise<void>;
  readonly changePassword: (change: PasswordChange) => Promise<void>;
}

export interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
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
const MAX_LOGOUT_TRIES = 3;

export function createAccountCalls(core: SessionCore, call: CallAuthority, ports: CorePorts): AccountCalls {
  const { store } = ports;
  const inTurn = createTurns();

  async function signIn(request: SignInRequest): Promise<Session> {
    const { email, password, scope, audience, remember } = request;
    const json = { email, password, transport: "cookie", ...defined({ scope, audience, remember }) };
    // No refresh of the old session may be answered after the new one has begun.
    const epoch = core.interrupt();
    const bornAtMs = ports.nowMs();
    const answer = await ports.runExclusive(() => call({ path: "/auth/login", json }), LOCK_WAIT_MS);
    const granted = answer?.status === 200 ? parseSessionAnswer(answer.body) : undefined;
    if (granted === undefined) {
      if (core.epoch() === epoch) core.resume();
      throw refusalOf(answer);
    }
    if (core.epoch() !== epoch) {
      await logOut(store.read());
      throw new ClientError("superseded_locally", "A sign-out on this page overtook the sign-in.");
    }
    core.accept(granted, bornAtMs);
    const session = sessionOf(core.getState());
    if (session === undefined) {
      throw new ClientError("unreachable", "The browser kept no cookies of the authority: it may block them.");
    }
    return session;
  }

  /** Ends the session of these credentials. Any generation's will do, so nothing is lost if they are no longer the newest. */
  async function logOut(credentials: Credentials | undefined): Promise<boolean> {
    if (credentials === undefined) return true;
    store.forget(credentials);
    for (let tries = 0; tries < MAX_LOGOUT_TRIES; tries++) {
      const answer = await call({ path: "/auth/logout", csrfToken: credentials.version });
      if (answer?.status === 204) return true;
      // The cookies are of another session by now: of somebody who has signed in since, and is not ours to sign out.
      if (answer !== undefined && errorCodeOf(answer) === "csrf_failed") return false;
    }
    return false;
  }

  /** Calls with the access token; once more with a new one, if it was refused for its age. */
  async function callSignedIn(request: AuthorityCall): Promise<Answer> {
    let accessToken = await core.getToken();
    for (let tries = 0; accessToken !== undefined && tries < 2; tries++) {
      const answer = await call({ ...request, accessToken });
      if (answer !== undefined && answer.status < 300) return answer;
      const code = answer === undefined ? undefined : errorCodeOf(answer);
      const replaceable = code === "expired_token" || code === "stale_token" || code === "invalid_token";
      if (tries > 0 || !replaceable) throw refusalOf(answer);
      const replacement = await core.replaceToken(accessToken, code);
      if (replacement === undefined) throw refusalOf(answer);
      accessToken = replacement;
    }
    throw signedOut();
  }

  return {
    async signUp({ email, password, name }) {
      const answer = await call({ path: "/auth/signup", json: { email, password, ...defined({ name }) } });
      if (answer?.status !== 201) throw refusalOf(answer);
      return memberOf(answer, "user") as UserAnswer;
    },

    signIn: (request) => inTurn(() => signIn(request)),

    signOut() {
      // At once, whatever else is under way: from here on no token is handed out in any tab.
      const credentials = core.release();
      return inTurn(async () => ({
        confirmed: await ports.runExclusive(() => logOut(credentials), LOCK_WAIT_MS),
      }));
    },

    async signOutEverywhere() {
      await callSignedIn({ path: "/auth/logout-all" });
      core.release();
    },

    getUser: async () => memberOf(await callSignedIn({ path: "/auth/me", method: "GET" }), "user") as UserAnswer,

    async listSessions() {
      const answer = await callSignedIn({ path: "/auth/sessions", method: "GET" });
      return memberOf(answer, "sessions") as readonly SessionSummary[];
    },

    async endSession(sessionId) {
      // Nothing that could climb out of the path: `..` would, encoded or not.
      if (!/^[\w-]{1,128}$/.test(sessionId)) {
        throw new ClientError("invalid_request", "sessionId: is none that the authority could have made.");
      }
      const current = sessionOf(core.getState())?.id;
      await callSignedIn({ path: `/auth/sessions/${encodeURIComponent(sessionId)}`, method: "DELETE" });
      if (sessionId === current && sessionOf(core.getState())?.id === current) core.release();
    },

    async changePassword({ currentPassword, newPassword }) {
      const json = { current_password: currentPassword, new_password: newPassword };
      await callSignedIn({ path: "/auth/password", json });
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

/** The authority is trusted for the shape of what it answers with a 2xx; only its absence is looked for. */
function memberOf(answer: Answer, name: string): unknown {
  const value = isRecord(answer.body) ? answer.body[name] : undefined;
  if (value === undefined) throw refusalOf(undefined);
  return value;
}

function defined(record: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
