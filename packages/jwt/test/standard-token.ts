import type { JwtVerifierOptions } from "@latchkey/jwt";

/** The clock of the tests. */
export const now = 1_763_708_412;

export const standardClaims = {
  iss: "https://auth.example.com",
  aud: "https://api.example.com",
  sub: "user_1",
  iat: now,
  exp: now + 600,
  jti: "token_1",
  sid: "session_1",
  scope: "read:users write:users",
  client_id: "web",
};

export const standardRules: Omit<JwtVerifierOptions, "keys"> = {
  typ: "at+jwt",
  issuer: "https://auth.example.com",
  audience: "https://api.example.com",
  clock: () => now,
};
