import {
  ATTEMPT_HEADER,
  CSRF_HEADER,
  DPOP_HEADER,
  DPOP_NONCE_HEADER,
  IDEMPOTENCY_KEY_HEADER,
} from "@latchkey/protocol";

export type HeaderFields = Readonly<Record<string, string>>;

/**
 * What every answer carries: nothing of ours is framed, is sniffed, or says where its reader came from. Headers that mean
 * something on pages alone are left to pages (OWASP REST Security Cheat Sheet).
 */
export function securityHeaders({ secure }: { readonly secure: boolean }): HeaderFields {
  return {
    ...(secure && { "Strict-Transport-Security": "max-age=31536000; includeSubDomains" }),
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
  };
}

/**
 * Pages of allowed origins may read answers and send cookies. The list is exact; whoever is off it, or comes from no page, is
 * told nothing.
 */
export const CORS_HEADERS: HeaderFields = {
  "Access-Control-Allow-Credentials": "true",
  "Access-Control-Expose-Headers": `WWW-Authenticate,Retry-After,${DPOP_NONCE_HEADER}`,
};

/** What such a page's browser is told besides when it asks first. */
export const PREFLIGHT_HEADERS: HeaderFields = {
  "Access-Control-Allow-Methods": "GET,POST,DELETE",
  "Access-Control-Allow-Headers": `Content-Type,Authorization,${CSRF_HEADER},${ATTEMPT_HEADER},${IDEMPOTENCY_KEY_HEADER},${DPOP_HEADER}`,
  "Access-Control-Max-Age": "600",
  Vary: "Origin, Access-Control-Request-Headers",
};

/** Pages of clients may read answers too, and send no cookies: those endpoints look at none. */
export const CLIENT_PAGE_HEADERS: HeaderFields = {
  "Access-Control-Expose-Headers": `WWW-Authenticate,Retry-After,${DPOP_NONCE_HEADER}`,
};

export const CLIENT_PREFLIGHT_HEADERS: HeaderFields = {
  "Access-Control-Allow-Methods": "GET,POST",
  "Access-Control-Allow-Headers": `Content-Type,Authorization,${DPOP_HEADER}`,
  "Access-Control-Max-Age": "600",
  Vary: "Origin, Access-Control-Request-Headers",
};
