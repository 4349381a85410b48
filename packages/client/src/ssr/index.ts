/**
 * `@latchkey/client/ssr`: the browser's session on a server that renders its pages or stands between it and APIs. One refresh
 * for each request however many parts of it ask, and one place where the cookies are written.
 *
 * @module
 */
export type { ApiFetch } from "../calls/api-fetch.ts";
export type { SignInRequest } from "../calls/sign-in.ts";
export type { ClientErrorCode, ClientErrorDetails } from "../errors.ts";
export { ClientError } from "../errors.ts";
export type { ClientOptions } from "../options.ts";
export type { OpenedRequest, SsrClient, SsrClientOptions, SsrRequest } from "./create-ssr-client.ts";
export { createSsrClient } from "./create-ssr-client.ts";
export type { RequestSession } from "./request-session.ts";
