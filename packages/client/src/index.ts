/**
 * `@latchkey/client`: sign-in for pages. `createClient(options)` keeps an access token in memory, refreshes it silently,
 * and loses no session to lost answers, sleeping devices or other tabs.
 *
 * @module
 */
export type { UnboundReason } from "./browser/binding.ts";
export type { BrowserClient, BrowserClientOptions } from "./browser/create-client.ts";
export { createClient } from "./browser/create-client.ts";
export type { SignOutResult } from "./calls/account.ts";
export type { PasswordChange } from "./calls/manage-account.ts";
export { changePassword, endSession, getUser, listSessions } from "./calls/manage-account.ts";
export type { SignInRequest, SignUpRequest } from "./calls/sign-in.ts";
export type { Client } from "./client.ts";
export type { EndReason, FailureCause } from "./core/refresh-verdict.ts";
export type { Session } from "./core/session.ts";
export type { ClientEvent, ClientState, Listener, Place } from "./core/state.ts";
export type { ClientErrorCode, ClientErrorDetails } from "./errors.ts";
export { ClientError } from "./errors.ts";
export type { ClientOptions } from "./options.ts";
