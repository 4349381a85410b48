import { createHash } from "node:crypto";

import type { DeviceSigns, ImplausibleChange } from "../domain/device-change.ts";
import { judgeDeviceChange } from "../domain/device-change.ts";
import type { AuthEvent, Origin } from "../domain/event.ts";
import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import { deviceChangedMail } from "../mail/messages.ts";
import type { SessionRotation } from "../ports/session-store.ts";
import type { FlowContext } from "./context.ts";

/** What the device shows of itself with this request; `undefined` where nobody wants to know. */
export async function readDeviceSigns(context: FlowContext, origin: Origin): Promise<DeviceSigns | undefined> {
  const { policy, locate } = context.deviceSignals;
  if (policy === "off" && locate === undefined) return undefined;
  return { device: origin.userAgent, place: (await locate?.(origin.ip)) ?? null };
}

/**
 * Does what the operator wants done about a refresh that cannot be of the device that the session is on. A bound session
 * needs none of this: its key cannot be copied along. Answers the change where it is to be noted only.
 *
 * @throws AuthError `session_ended` (`revoke`), `insufficient_user_authentication` (`step-up`)
 */
export async function checkDevice(
  context: FlowContext,
  session: Session,
  request: { readonly signs: DeviceSigns | undefined; readonly now: number; readonly origin: Origin },
): Promise<ImplausibleChange | undefined> {
  const { signs, now, origin } = request;
  const { policy } = context.deviceSignals;
  if (policy === "off" || signs === undefined || session.jkt !== null) return undefined;
  const change = judgeDeviceChange({ before: session, now: signs, elapsedSeconds: now - session.rotatedAt });
  if (change === undefined || policy === "notify") return change;

  const at = context.clock();
  const { id: sessionId, userId } = session;
  if (policy === "step-up") {
    if (await isNews(context, session, "refused")) {
      const outcome = "refused";
      await context.store.events.appendEvent({
        type: "device_changed",
        userId,
        sessionId,
        change,
        outcome,
        at,
        origin,
      });
    }
    throw new AuthError("insufficient_user_authentication");
  }
  context.logger.warn(
    { sessionId, userId, change },
    "a session was refreshed from what cannot be its device: it ended",
  );
  // In place of the rotation, and so before it or after it but never beside it: whoever has the session loses it.
  const reason = "device_changed";
  await context.store.sessions.revokeSession(
    { sessionId, at, reason },
    { type: "session_revoked", userId, sessionId, reason, at, origin },
  );
  throw new AuthError("session_ended");
}

/** What a rotation is to write of the device; `undefined` where that stands there already. */
export function seenNow(session: Session, signs: DeviceSigns | undefined): SessionRotation["seen"] {
  if (signs === undefined) return undefined;
  const { device, place } = { device: signs.device ?? "", place: signs.place ?? "" };
  return device === (session.device ?? "") && place === (session.place ?? "") ? undefined : { device, place };
}

/** What is recorded of a change that is only noted. */
export function deviceNoted(session: Session, change: ImplausibleChange, at: number, origin: Origin): AuthEvent {
  const { id: sessionId, userId } = session;
  return { type: "device_changed", userId, sessionId, change, outcome: "noted", at, origin };
}

/** The same for a retry, which changes nothing that it could be recorded with. */
export async function noteRetry(
  context: FlowContext,
  session: Session,
  change: ImplausibleChange,
  origin: Origin,
): Promise<void> {
  if (!(await isNews(context, session, "retry"))) return;
  await context.store.events.appendEvent(deviceNoted(session, change, context.clock(), origin));
}

/** Writes to the user behind the answer. */
export function mailDeviceChange(context: FlowContext, user: User, session: Session, seen: DeviceSigns): void {
  const { mail, background, clock } = context;
  if (mail === undefined) return;
  const message = deviceChangedMail(user.email, { userAgent: seen.device, place: seen.place, at: clock() });
  background.run("mail (device-changed)", async () => {
    if (await isNews(context, session, "mail")) await mail.mailer.send(message);
  });
}

const NEWS_SECONDS = 3_600;

/** Once an hour for a session: whoever has its token must not fill the log, or the user's mailbox, by asking on. */
function isNews({ store, clock }: FlowContext, { id }: Session, what: "refused" | "retry" | "mail"): Promise<boolean> {
  const at = clock();
  // What is over may still be there, and would count on.
  const hour = Math.floor(at / NEWS_SECONDS);
  const hash = createHash("sha256").update(`${what}\n${id}\n${hour}`).digest("base64url");
  return store.oneTime.consume({ purpose: "device-change", hash, at, expiresAt: at + NEWS_SECONDS });
}
