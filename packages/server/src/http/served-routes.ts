import type { HttpContext, Route } from "./exchange.ts";
import { ROUTES } from "./routes.ts";

/** What makes, changes or removes an account that is kept here. */
const ACCOUNT_ROUTES: ReadonlySet<string> = new Set([
  "POST /auth/signup",
  "DELETE /auth/me",
  "POST /auth/password",
  "POST /auth/password/forgot",
  "POST /auth/password/reset",
  "POST /auth/email/verify",
  "POST /auth/email/resend",
  "POST /auth/email/change",
  "POST /auth/email/change/confirm",
]);

/** The routes there are: where users are kept by their operator, accounts are none of the authority's business. */
export function servedRoutes({ ownUsers }: Pick<HttpContext, "ownUsers">): readonly Route[] {
  if (ownUsers === undefined) return ROUTES;
  return ROUTES.filter(({ method, path }) => !ACCOUNT_ROUTES.has(`${method} ${path}`));
}
