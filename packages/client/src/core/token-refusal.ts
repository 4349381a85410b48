/** The codes with which an API refuses a token and a new one can help. */
export type TokenRefusal = "expired_token" | "stale_token" | "invalid_token";

export function isTokenRefusal(code: string | undefined): code is TokenRefusal {
  return /^(expired|stale|invalid)_token$/.test(code ?? "");
}
