import { STATUS_LIST_TYPE } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import type { Answer, Exchange } from "./exchange.ts";

/** A status list (draft-ietf-oauth-status-list §8): public, and to be kept by anything on the way for its `ttl`. */
export async function getStatusList({ request, params, http }: Exchange): Promise<Answer> {
  const { statusLists } = http;
  const number = /^(0|[1-9]\d{0,8})$/.exec(params["id"] ?? "")?.[0];
  // Lists of the past would tell what was revoked when.
  const isOfThePast = new URL(request.url).searchParams.has("time");
  if (statusLists === undefined || number === undefined || isOfThePast) throw new AuthError("not_found");
  const { jwt, etag } = await statusLists.read(Number(number));
  const headers = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": `public, max-age=${statusLists.ttlSeconds}`,
    ETag: etag,
  };
  if (request.headers.get("if-none-match") === etag) return { status: 304, headers, body: null };
  return { status: 200, headers: { ...headers, "Content-Type": `application/${STATUS_LIST_TYPE}` }, body: jwt };
}
