import { decodeUnverifiedHeader, JwtError } from "@latchkey/jwt";

import type { Settings } from "./options.ts";

/**
 * The `kid` to ask the issuer for, or `undefined` where the token would be refused whatever its key: then nobody needs to be
 * asked. Other issuers' tokens, forgotten old ones and sheer noise cost the issuer no request, and the sender no wait.
 *
 * **Nothing here is proved.** It can only refuse; what it lets through is verified in full when the key is there.
 */
export function findKidWorthAsking(
  token: string,
  type: string,
  settings: Pick<Settings, "issuer" | "audiences" | "leewaySeconds" | "clock">,
): string | undefined {
  const { issuer, audiences, leewaySeconds, clock } = settings;
  const kid = findKid(token, type);
  const claims = kid === undefined ? undefined : decodePayload(token);
  if (claims === undefined || claims["iss"] !== issuer) return undefined;
  const { aud, exp } = claims;
  const isForUs = [aud].flat().some((entry) => typeof entry === "string" && audiences.includes(entry));
  const isOver = typeof exp !== "number" || clock() >= exp + leewaySeconds;
  return isForUs && !isOver ? kid : undefined;
}

function findKid(token: string, type: string): string | undefined {
  try {
    const { kid, typ } = decodeUnverifiedHeader(token);
    return typ?.toLowerCase().replace(/^application\//, "") === type ? kid : undefined;
  } catch (error) {
    if (!(error instanceof JwtError)) throw error;
    return undefined;
  }
}

function decodePayload(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}
