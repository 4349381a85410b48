/** What a refresh token says of itself; read, not verified: only the authority has the key. */
export interface ReadToken {
  readonly sessionId: string;
  readonly generation: number;
  readonly secret: string;
}

export function readToken(token: string): ReadToken {
  const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    readonly sid: string;
    readonly gen: number;
    readonly jti: string;
  };
  return { sessionId: payload.sid, generation: payload.gen, secret: payload.jti };
}
