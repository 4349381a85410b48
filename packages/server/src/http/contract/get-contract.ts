import type { Answer, Exchange, HttpContext, Route } from "../exchange.ts";
import { servedRoutes } from "../provisions.ts";
import { describeContract } from "./describe-contract.ts";

/** Nothing in it changes while an authority runs, so it is written once. */
const written = new WeakMap<HttpContext, string>();

/** The contract of this authority: what it serves, itself among it. */
export async function getContract({ http }: Exchange, routes: readonly Route[]): Promise<Answer> {
  const body = written.get(http) ?? JSON.stringify(describeContract(servedRoutes(routes, http), http));
  written.set(http, body);
  return {
    status: 200,
    headers: {
      "Access-Control-Allow-Origin": "*",
      "Cache-Control": "public, max-age=300",
      "Content-Type": "application/json",
    },
    body,
  };
}
