/**
 * `@latchkey/client/node`: sign-in for CLIs, agents and services. The credentials live in a file that any number of processes
 * share; none of them loses the session, however and whenever it is killed.
 *
 * @module
 */
export type { SignOutResult } from "../calls/account.ts";
export type { PasswordChange } from "../calls/manage-account.ts";
export { changePassword, endSession, getUser, listSessions } from "../calls/manage-account.ts";
export type { SignInRequest, SignUpRequest } from "../calls/sign-in.ts";
export type { Client } from "../client.ts";
export type { EndReason, FailureCause } from "../core/refresh-verdict.ts";
export type { Session } from "../core/session.ts";
export type { ClientEvent, ClientState, Listener, Place } from "../core/state.ts";
export type { ClientErrorCode, ClientErrorDetails } from "../errors.ts";
export { ClientError } from "../errors.ts";
export type { ClientOptions } from "../options.ts";
export type { NodeClientOptions } from "./create-client.ts";
export { createClient } from "./create-client.ts";
export type { FileStoreOptions } from "./file-store.ts";
export { createFileStore } from "./file-store.ts";
export type { KeyringStoreOptions } from "./keyring-store.ts";
export { createKeyringStore } from "./keyring-store.ts";
export type { StoredState, TokenStore } from "./token-store.ts";
