import type { HttpContext, Route } from "./exchange.ts";

type Deployment = Pick<HttpContext, "ownUsers" | "mail" | "apiTokens" | "statusLists" | "oauth">;

/** What not every authority has; without it, its routes do not exist. */
export type Provision = "accounts" | "mail" | "email_change_page" | "api_tokens" | "status_lists" | "clients";

const PROVISIONS: Readonly<Record<Provision, (deployment: Deployment) => boolean>> = {
  // Where users are kept by their operator, accounts are none of the authority's business.
  accounts: ({ ownUsers }) => ownUsers === undefined,
  mail: ({ mail }) => mail !== undefined,
  // The page that the mail to a new address leads to.
  email_change_page: ({ mail }) => mail?.links.changeEmail !== undefined,
  api_tokens: ({ apiTokens }) => apiTokens !== undefined,
  // Others than the operator's own apps.
  clients: ({ oauth }) => oauth !== undefined,
  status_lists: ({ statusLists }) => statusLists !== undefined,
};

/** Those of the routes that an authority serves. */
export function servedRoutes(routes: readonly Route[], deployment: Deployment): readonly Route[] {
  return routes.filter(({ needs = [] }) => needs.every((provision) => PROVISIONS[provision](deployment)));
}
