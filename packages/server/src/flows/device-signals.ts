import type { DeviceSigns, ImplausibleChange } from "../domain/device-change.ts";
import { judgeDeviceChange } from "../domain/device-change.ts";
import type { Origin } from "../domain/event.ts";
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
  context.logger.warn({ sessionId, userId, change, policy }, "a session was refreshed from what cannot be its device");
  if (policy === "step-up") {
    const outcome = "refused";
    await context.store.events.appendEvent({ type: "device_changed", userId, sessionId, change, outcome, at, origin });
    throw new AuthError("insufficient_user_authentication");
  }
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

/** Writes to the user behind the answer, once the change has been recorded. */
export function mailDeviceChange(
  { mail, background, clock }: FlowContext,
  user: User,
  { device, place }: DeviceSigns,
): void {
  if (mail === undefined) return;
  const message = deviceChangedMail(user.email, { userAgent: device, place, at: clock() });
  background.run("mail (device-changed)", () => mail.mailer.send(message));
}
