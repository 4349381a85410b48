import { plainRefusal } from "./plain-refusal.ts";

/**
 * What is answered while the authority cannot open its keys: no route can be served, but that the process is up can be said,
 * and why it is not ready.
 */
export function answerWithoutKeys(request: Request, basePath: string, secure: boolean): Response {
  const { pathname } = new URL(request.url);
  const isReadiness = pathname === `${basePath}/health/ready`;
  const { status, headers, body } = plainRefusal("unavailable", {
    secure,
    ...(isReadiness && { reasons: ["keys_unavailable"] }),
  });
  if (pathname !== `${basePath}/health/live`) return new Response(body, { status, headers });
  const { "Retry-After": _, ...others } = headers;
  return new Response(JSON.stringify({ status: "live" }), { status: 200, headers: others });
}
