import { randomBytes } from "node:crypto";

import type { AuthEvent, Origin } from "../domain/event.ts";
import { normalizePassword } from "../domain/password-policy.ts";
import { grantScope, permittedScope } from "../domain/scope.ts";
import type { Session } from "../domain/session.ts";
import { idleExpiry } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import { normalizeEmail } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import type { Account } from "../ports/account-store.ts";
import type { HashingPlace } from "../ports/password-hasher.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import type { SessionTerms } from "./agree-terms.ts";
import { agreeTerms } from "./agree-terms.ts";
import { authenticateOwnUser } from "./authenticate-own-user.ts";
import { claimProof } from "./claim-proof.ts";
import { inHashingPlace, isPasswordOf } from "./check-password.ts";
import { hashSecret } from "../tokens/refresh-secret.ts";
import type { FlowContext, SignInPolicy } from "./context.ts";
import { noticeNewDevice } from "./notice-new-device.ts";
import { networkOf } from "./rate-limits.ts";
import { recordOnce } from "./record-once.ts";
import { endOpaqueSession, hashOpaqueSecret } from "./opaque-session.ts";
import type { PresentedSession } from "./presented-session.ts";
import { knownSessionId } from "./presented-session.ts";
import type { SessionGrant } from "./session-grant.ts";
import { grantSession } from "./session-grant.ts";
import { upgradePasswordHash } from "./upgrade-password-hash.ts";

export interface SignInRequest extends PresentedSession {
  readonly email: string;
  readonly password: string;
  readonly clientId: string | undefined;
  readonly audience: string | undefined;
  readonly scope: string | undefined;
  /** Whether the session is to outlive the browser. */
  readonly remember: boolean;
  /** Binds the session to its key. */
  readonly proof: ProofOfPossession | undefined;
  readonly origin: Origin;
}

/** A session that has begun, and the secret that the row holds a hash of. */
export interface BegunSession {
  readonly user: User;
  readonly session: Session;
  readonly secret: string;
}

/** Begins a session with tokens. */
export async function signIn(context: FlowContext, request: SignInRequest): Promise<SessionGrant> {
  return beginSession(context, request, {
    toHash: hashSecret,
    prepare: (begun) => grantSession(context, { ...begun, asOf: begun.session.createdAt }),
  });
}

/** Begins a session with an opaque cookie. */
export function signInOpaquely(context: FlowContext, request: SignInRequest): Promise<BegunSession> {
  return beginSession(context, request, { toHash: hashOpaqueSecret, prepare: async (begun) => begun });
}

interface SessionKind<Answer> {
  readonly toHash: (secret: string) => string;
  /** What is handed out once the session has begun. Made before: if it cannot be, none begins and none ends. */
  readonly prepare: (begun: BegunSession & { readonly terms: SessionTerms }) => Promise<Answer>;
}

/** Checks the password and begins a session: always a new one, whatever the browser presented (ASVS 7.2.4). */
async function beginSession<Answer>(
  context: FlowContext,
  request: SignInRequest,
  { toHash, prepare }: SessionKind<Answer>,
): Promise<Answer> {
  const asked = readRequest(context, request);
  const authenticated =
    context.ownUsers === undefined
      ? await inHashingPlace(context, (place) => authenticate(context, request, place))
      : await authenticate(context, request);
  const { user } = authenticated;
  if (user.disabledAt !== null) throw await accountDisabled(context, request, user);

  const account =
    context.ownUsers === undefined
      ? await upgradePasswordHash(context, authenticated, request.password)
      : authenticated;
  const now = context.clock();
  const secret = randomBytes(32).toString("base64url");
  const expiresAt = now + context.policy.limits.maxSeconds;
  const wanted: Session = {
    ...asked,
    scope: scopeFor(user, request, { scope: asked.scope, policy: context.policy }),
    id: await context.sessionIds.create(),
    userId: user.id,
    createdAt: now,
    authTime: now,
    amr: ["pwd"],
    acr: "aal1",
    persistent: request.remember,
    device: request.origin.userAgent,
    ip: request.origin.ip,
    place: (await context.deviceSignals.locate?.(request.origin.ip)) ?? null,
    generation: 0,
    secretHash: toHash(secret),
    attempts: [],
    attemptKeysUsed: false,
    jkt: request.proof?.jkt ?? null,
    rotatedAt: now,
    idleExpiresAt: idleExpiry(now, expiresAt, context.policy.limits),
    expiresAt,
    revokedAt: null,
  };
  const terms = await agreeTerms(context, { user, session: wanted, at: "sign-in" });
  // As for an account that is disabled: the password was right, and is of no use.
  if (terms === undefined) throw await accountDisabled(context, request, user);
  const session = { ...wanted, scope: terms.scope };
  if (request.proof !== undefined) {
    const { id: userId } = user;
    const event = { type: "sign_in_failed", userId, cause: "replayed_proof", at: now, origin: request.origin } as const;
    await claimProof(context, request.proof, { subject: userId, event });
  }
  const answer = await prepare({ user, session, secret, terms });
  // Where there is no room for both, or the limit would end another for it.
  if (await isAtLimit(context, session, request)) await endPresentedSessions(context, request);
  await context.store.sessions.createSession(
    session,
    { type: "signed_in", userId: user.id, sessionId: session.id, at: now, origin: request.origin },
    context.policy.maxSessionsPerUser,
  );
  try {
    await confirmPassword(context, account, request.password);
    // Last: whatever fails before, the browser keeps the session that it has.
    await endPresentedSessions(context, request);
  } catch (error) {
    await withdraw(context, session, request.origin);
    throw error;
  }
  noticeNewDevice(context, user, session);
  return answer;
}

/** What the session will be for: checked before the password, so that a malformed request costs no hash. */
function readRequest(
  { policy }: FlowContext,
  request: SignInRequest,
): Pick<Session, "clientId" | "audience" | "scope"> {
  const clientId = request.clientId ?? policy.clientIds[0];
  if (clientId === undefined || !policy.clientIds.includes(clientId)) {
    throw new AuthError("invalid_request", { description: "client_id: there is no such first-party client." });
  }
  const audience = request.audience ?? policy.audiences[0];
  if (audience === undefined || !policy.audiences.includes(audience)) {
    throw new AuthError("invalid_request", { description: "audience: there is no such API." });
  }
  const scope = grantScope(request.scope, policy.scopes);
  if (scope === undefined) throw scopeRefused();
  return { clientId, audience, scope };
}

/** The scope by the user's roles: what was asked for by name is granted as it was, or refused. */
function scopeFor(
  user: User,
  request: SignInRequest,
  { scope, policy }: { readonly scope: string; readonly policy: SignInPolicy },
): string {
  const permitted = permittedScope(scope, user.roles, policy.scopes);
  if (request.scope !== undefined && permitted !== scope) throw scopeRefused();
  return permitted;
}

function scopeRefused(): AuthError {
  return new AuthError("invalid_request", { description: "scope: holds a scope that cannot be granted." });
}

/** The user whose password this is. Unknown address and wrong password cost the same work and get the same answer. */
async function authenticate(context: FlowContext, request: SignInRequest, place?: HashingPlace): Promise<Account> {
  const { ownUsers, store } = context;
  const email = normalizeEmail(request.email);
  const credentials = { email, ip: request.origin.ip, password: request.password };
  const found = ownUsers === undefined ? await store.accounts.findAccountByEmail(email) : undefined;
  const userId = found?.user.id ?? null;
  try {
    if (ownUsers !== undefined) {
      const account = await authenticateOwnUser(context, ownUsers, credentials);
      if (account !== undefined) return account;
    } else {
      const attempt = { ...credentials, sessionId: await knownSessionId(context, found?.user.id, request) };
      if ((await isPasswordOf(context, found, attempt, place)) && found !== undefined) return found;
    }
  } catch (error) {
    if (error instanceof AuthError && error.code === "rate_limited") await recordLimited(context, request, userId);
    throw error;
  }
  await recordFailure(context, request, { userId });
  throw new AuthError("invalid_credentials");
}

async function accountDisabled(context: FlowContext, request: SignInRequest, user: User): Promise<AuthError> {
  await recordFailure(context, request, { userId: user.id, cause: "account_disabled" });
  return new AuthError("account_disabled");
}

async function recordFailure(
  { store, clock }: FlowContext,
  { origin }: SignInRequest,
  failure: Pick<Extract<AuthEvent, { type: "sign_in_failed" }>, "userId" | "cause">,
): Promise<void> {
  await store.events.appendEvent({ type: "sign_in_failed", ...failure, at: clock(), origin });
}

/** Limits keep floods from the hasher, and so from the log: one entry a minute says that there is one. */
async function recordLimited(context: FlowContext, { origin }: SignInRequest, userId: string | null): Promise<void> {
  const at = context.clock();
  const subject = `${networkOf(origin.ip) ?? ""} ${Math.floor(at / 60)}`;
  await recordOnce(context, subject, { type: "sign_in_failed", userId, cause: "rate_limited", at, origin });
}

/**
 * Looks again, now that the session is there, whether the password that was checked still is the password. Hashing takes
 * its time, and a change or deletion meanwhile ends only the sessions it finds: one that came before this session's row is
 * seen here, one that comes after ends the session itself.
 */
async function confirmPassword(context: FlowContext, checked: Account, password: string): Promise<void> {
  if (!(await isPasswordStill(context, checked, password))) throw new AuthError("invalid_credentials");
}

/** Ends a session of which nothing has been handed out. */
async function withdraw({ store, clock }: FlowContext, { id, userId }: Session, origin: Origin): Promise<void> {
  const at = clock();
  const reason = "password_changed";
  await store.sessions.revokeSession(
    { sessionId: id, at, reason },
    { type: "session_revoked", userId, sessionId: id, reason, at, origin },
  );
}

/** Another hash may be one of the same password, which another sign-in has made meanwhile in place of an outdated one. */
async function isPasswordStill({ hasher, store }: FlowContext, checked: Account, password: string): Promise<boolean> {
  const now = await store.accounts.findAccount(checked.user.id);
  if (now === undefined || now.user.disabledAt !== null) return false;
  if (now.passwordHash === checked.passwordHash) return true;
  if (hasher.needsRehash?.(checked.passwordHash) !== true) return false;
  return hasher.verify(normalizePassword(password), now.passwordHash);
}

/** Whether one more session of the user would end another. */
async function isAtLimit(
  { store, policy }: FlowContext,
  { userId, createdAt }: Session,
  { replaces, replacesOpaque }: PresentedSession,
): Promise<boolean> {
  if (replaces === undefined && replacesOpaque === undefined) return false;
  return (await store.sessions.listSessions(userId, createdAt)).length >= policy.maxSessionsPerUser;
}

async function endPresentedSessions(
  context: FlowContext,
  { replaces, replacesOpaque, origin }: SignInRequest,
): Promise<void> {
  if (replaces !== undefined) await endReplacedSession(context, replaces, origin);
  if (replacesOpaque !== undefined) await endOpaqueSession(context, replacesOpaque, { reason: "replaced", origin });
}

async function endReplacedSession(context: FlowContext, refreshToken: string, origin: Origin): Promise<void> {
  const token = await context.refreshTokens.read(refreshToken);
  if (token === undefined) return;
  const session = await context.store.sessions.findSession(token.sessionId);
  if (session === undefined) return;
  const at = context.clock();
  await context.store.sessions.revokeSession(
    { sessionId: session.id, at, reason: "replaced" },
    { type: "session_revoked", userId: session.userId, sessionId: session.id, reason: "replaced", at, origin },
  );
}
