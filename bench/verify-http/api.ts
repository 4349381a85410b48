/** An API: the same answer on an open route and on a protected one, in one framework, with one guard. */
import type { Verifier } from "@latchkey/verifier";
import type { IncomingMessage, ServerResponse } from "node:http";

export const frameworkNames = ["node:http", "Express", "Fastify", "Hono"] as const;
export type FrameworkName = (typeof frameworkNames)[number];

export const guardNames = [
  "nothing",
  "bare crypto.verify",
  "Latchkey",
  "Latchkey, no cache",
  "fast-jwt, cache",
  "fast-jwt",
  "jose",
  "express-oauth2-jwt-bearer",
] as const;
export type GuardName = (typeof guardNames)[number];

export const OPEN_PATH = "/open";
export const HELD_PATH = "/held";

/** Whom the open route answers for: as long as the subjects of the tokens. */
export const NOBODY = "user_00000000-0000-0000-0000-000000000000";

/** Who a token is for; throws, or rejects, where it is not valid. */
export type Check = (token: string) => string | Promise<string>;

/** Middleware that comes with a library, and puts the claims on the request. */
export type ExpressGuard = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** How the protected route is protected. */
export type Guard =
  | { readonly kind: "verifier"; readonly verifier: Verifier }
  | { readonly kind: "check"; readonly check: Check }
  | { readonly kind: "express"; readonly guard: ExpressGuard };

/** Starts the API on a port of 127.0.0.1, and answers which. */
export type Framework = (guard: Guard) => Promise<number>;

/** What programs that use a library without middleware have in their own: the scheme in any case, one token. */
export function bearerToken(authorization: string | null | undefined): string {
  const [scheme, token, ...rest] = (authorization ?? "").split(" ");
  if (scheme?.toLowerCase() !== "bearer" || token === undefined || rest.length > 0) throw new Error("no bearer token");
  return token;
}
