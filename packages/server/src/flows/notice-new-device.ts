import { createHash } from "node:crypto";

import { deviceFamilyOf } from "../domain/device-family.ts";
import { countryOf } from "../domain/place.ts";
import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import { newDeviceMail } from "../mail/messages.ts";
import type { FlowContext } from "./context.ts";

/** For how long a kind of device is remembered: somebody who uses it daily hears of it once a year. */
const REMEMBERED_SECONDS = 400 * 86_400;

/**
 * Writes to a user who has signed in from a kind of device that is new: browser, system and country, as far as they are
 * known, have not come together before. The first there ever was is not announced. Kept of each is a hash. Behind the
 * answer.
 */
export function noticeNewDevice(context: FlowContext, user: User, session: Session): void {
  const { mail, background, store, policy } = context;
  if (mail === undefined || !policy.noticesNewDevices) return;
  background.run("mail (new-device)", async () => {
    const { browser, system } = deviceFamilyOf(session.device);
    const country = session.place === null ? null : countryOf(session.place);
    const at = session.createdAt;
    const isFirst = (known: readonly (string | null)[]): Promise<boolean> => {
      const hash = createHash("sha256").update(JSON.stringify(known)).digest("base64url");
      return store.oneTime.consume({ purpose: "known-device", hash, at, expiresAt: at + REMEMBERED_SECONDS });
    };
    const isFirstEver = await isFirst([user.id]);
    const isNew = await isFirst([user.id, browser, system, country]);
    if (!isNew || isFirstEver) return;
    await mail.mailer.send(newDeviceMail(user.email, { userAgent: session.device, place: session.place, at }));
  });
}
