import type { SessionSummary, UserAnswer } from "@latchkey/protocol";

import type { Client } from "../client.ts";
import { readAnswer, refusalOf } from "../core/answer.ts";
import { isRecord } from "../core/session.ts";
import { ClientError } from "../errors.ts";

/*
 * What a signed-in user does with the account. Functions of their own, so that a page that does none of it ships none of
 * it. They answer what the authority answers, and throw its refusals as `ClientError`; besides, `signed_out`: nobody is
 * signed in, and `unreachable`: no answer that can be used.
 */

/** Who is signed in, as the authority has it now. */
export async function getUser(client: Client): Promise<UserAnswer> {
  return (await callSignedIn(client, "/auth/me"))["user"] as UserAnswer;
}

/** All sessions of the user: one for each sign-in, on each device. */
export async function listSessions(client: Client): Promise<readonly SessionSummary[]> {
  return (await callSignedIn(client, "/auth/sessions"))["sessions"] as readonly SessionSummary[];
}

/** Ends one of the user's sessions; to end this one is to sign out. @throws ClientError `invalid_request`, `not_found` */
export async function endSession(client: Client, sessionId: string): Promise<void> {
  // Nothing that could climb out of the path: `..` would, encoded or not.
  if (!/^[\w-]{1,128}(\.[\w-]{1,32})?$/.test(sessionId)) {
    throw new ClientError("invalid_request", "sessionId: is none that the authority could have made.");
  }
  if (sessionId === client.getSession()?.id) {
    await client.signOut();
    return;
  }
  await callSignedIn(client, `/auth/sessions/${encodeURIComponent(sessionId)}`, { method: "DELETE" });
}

export interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
}

/** Sets a new password and ends all other sessions. @throws ClientError `invalid_credentials`, `weak_password` */
export async function changePassword(client: Client, change: PasswordChange): Promise<void> {
  await callSignedIn(client, "/auth/password", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ current_password: change.currentPassword, new_password: change.newPassword }),
  });
}

async function callSignedIn(client: Client, path: string, init?: RequestInit): Promise<Record<string, unknown>> {
  await client.getAccessToken();
  let answer;
  try {
    answer = await readAnswer(await client.fetch(client.issuer + path, { cache: "no-store", ...init }));
  } catch (error) {
    // Network errors have a thousand names; the cause keeps this one's.
    if (!(error instanceof ClientError)) throw Object.assign(refusalOf(undefined), { cause: error });
    throw error;
  }
  if (answer.status > 299) throw refusalOf(answer);
  return isRecord(answer.body) ? answer.body : {};
}
