import { randomUUID } from "node:crypto";

import type { SessionAnswer } from "@latchkey/protocol";
import type { AuthServer, PasswordHasher, Store } from "@latchkey/server";
import { createAuthServer } from "@latchkey/server";

/** A session as its owner holds it just after signing in. */
export interface NewSession {
  readonly refreshToken: string;
  readonly cookies: readonly string[];
}

/** Signs people in, quickly: beside the servers under test, on their own database, by the ordinary routes. */
export interface SessionMaker {
  make(transport: "body" | "cookie"): Promise<NewSession>;
  /** How many events of this type the log holds. */
  countEvents(type: string): Promise<number>;
  close(): Promise<void>;
}

/** Events read at once. */
const PAGE = 1_000;

/** Few, so that no limit of sessions per user ends one. */
const SESSIONS_PER_USER = 4;

/**
 * Hashes nothing: what is measured and tried here is the life of sessions, and a real hash takes as long as hundreds of
 * refreshes. The servers under test never see a password.
 */
const NO_HASH: PasswordHasher = {
  hash: async () => "not-a-hash",
  verify: async () => true,
  verifyNothing: async () => false,
};

export async function createSessionMaker(options: {
  readonly store: Store;
  readonly masterSecret: string;
  readonly issuer: string;
}): Promise<SessionMaker> {
  const server = createAuthServer({ ...options, passwordHasher: NO_HASH });
  await server.ready();
  let made = 0;
  let credentials = newCredentials();
  let signedUp = signUp(server, credentials);
  return {
    async make(transport) {
      if (made > 0 && made % SESSIONS_PER_USER === 0) {
        credentials = newCredentials();
        signedUp = signUp(server, credentials);
      }
      made += 1;
      const mine = credentials;
      await signedUp;
      const response = await post(server, "/auth/login", { ...mine, transport });
      const answer = (await response.json()) as SessionAnswer;
      if (response.status !== 200) throw new Error(`the sign-in answered ${response.status}`);
      return { refreshToken: answer.refresh_token ?? "", cookies: response.headers.getSetCookie() };
    },
    async countEvents(type) {
      let [count, after] = [0, 0];
      for (;;) {
        const events = await options.store.events.listEvents(after, PAGE);
        count += events.filter((event) => event.type === type).length;
        const last = events.at(-1);
        if (last === undefined) return count;
        after = last.sequence;
      }
    },
    close: () => server.close(),
  };
}

interface Credentials {
  readonly email: string;
  readonly password: string;
}

function newCredentials(): Credentials {
  return { email: `${randomUUID()}@example.com`, password: "correct horse battery staple" };
}

async function signUp(server: AuthServer, credentials: Credentials): Promise<void> {
  const { status } = await post(server, "/auth/signup", credentials);
  if (status !== 201) throw new Error(`the sign-up answered ${status}`);
}

async function post(server: AuthServer, path: string, body: object): Promise<Response> {
  const request = new Request(`${server.issuer}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", Origin: new URL(server.issuer).origin },
  });
  return server.fetch(request, { remoteAddress: "127.0.0.1" });
}
