import type { Receiver } from "../deliveries/receiver.ts";
import { CODE_GENERATION } from "../domain/code-rule.ts";
import type { OAuthClient } from "../domain/oauth-client.ts";
import { scopesOf } from "../domain/scope.ts";
import type { Session } from "../domain/session.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import type { RecordedEvent } from "../ports/event-log.ts";
import type { SessionStore } from "../ports/session-store.ts";
import { issueLogoutToken } from "../tokens/logout-token.ts";

export interface LogoutReceiversOptions {
  readonly issuer: string;
  readonly clients: readonly OAuthClient[];
  readonly sessions: Pick<SessionStore, "findSession">;
  readonly keyRing: Pick<KeyRing, "signingKeyFor">;
  readonly clock: Clock;
}

const TIMEOUT_MS = 10_000;

/** Who says that a token is wrong will hardly find the next one right, and others wait behind it. */
const MAX_ATTEMPTS_REFUSED = 3;

/** Half an hour, with the waiting that doubles. */
const MAX_ATTEMPTS = 10;

/**
 * The clients that want to be told when a session of theirs has ended (OpenID Connect Back-Channel Logout 1.0). Each session is told of
 * by a token of its own, new at each attempt: a client that had taken the one before, and remembered its `jti`, would call it replayed.
 */
export function logoutReceivers({ clients, ...options }: LogoutReceiversOptions): readonly Receiver[] {
  return clients.flatMap((client) =>
    client.backchannelLogoutUri === undefined ? [] : [logoutReceiver(client, client.backchannelLogoutUri, options)],
  );
}

function logoutReceiver(
  { id, idTokenAlg: alg }: OAuthClient,
  url: string,
  { sessions, ...signing }: Omit<LogoutReceiversOptions, "clients">,
): Receiver {
  return {
    name: `back-channel logout ${id}`,
    url,
    timeoutMs: TIMEOUT_MS,
    logged: { what: "a logout token", who: { client: id } },
    async messagesOf({ content }) {
      const messages = [];
      for (const sessionId of endedSessionsOf(JSON.parse(content) as RecordedEvent)) {
        // The rows of ended sessions stay for as long as the sessions could have lived.
        const session = await sessions.findSession(sessionId);
        if (session === undefined || session.clientId !== id || !isKnownToClient(session)) continue;
        messages.push(async () => ({
          body: new URLSearchParams({
            logout_token: await issueLogoutToken(session, { ...signing, alg }),
          }).toString(),
          headers: { "content-type": "application/x-www-form-urlencoded" },
        }));
      }
      return messages;
    },
    // §2.8; some frameworks make 204 of an empty 200.
    isTaken: (status) => status === 200 || status === 204,
    maxAttempts: (failure) => ("status" in failure && failure.status === 400 ? MAX_ATTEMPTS_REFUSED : MAX_ATTEMPTS),
  };
}

function endedSessionsOf(event: RecordedEvent): readonly string[] {
  return event.type === "session_revoked" ? [event.sessionId] : (event.endedSessionIds ?? []);
}

/** Whether its client has had an ID token that names it: one whose code was never redeemed is nothing to the client. */
function isKnownToClient({ generation, scope }: Session): boolean {
  return generation !== CODE_GENERATION && scopesOf(scope).includes("openid");
}
