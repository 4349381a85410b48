import { isRecord } from "../core/session.ts";

/** A token this close to its end might expire on its way to the API. */
const LEAST_LEFT_SECONDS = 5;

/**
 * Whether an access token will outlive a request, as far as it says itself: it is read, not verified, for that is up to the
 * API it goes to.
 */
export function outlivesRequest(accessToken: string, wallMs: number): boolean {
  const { exp, iat } = readPayload(accessToken);
  if (typeof exp !== "number" || typeof iat !== "number") return false;
  return wallMs / 1_000 < exp - Math.min(LEAST_LEFT_SECONDS, (exp - iat) / 10);
}

function readPayload(token: string): Record<string, unknown> {
  try {
    const payload: unknown = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
    return isRecord(payload) ? payload : {};
  } catch {
    return {};
  }
}
