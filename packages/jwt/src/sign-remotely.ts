import { encodeBase64url } from "./base64url.ts";
import { verifyJws } from "./jws-verify.ts";
import type { VerificationKey } from "./key.ts";
import type { SignJwtOptions } from "./sign.ts";
import { formatSigningInput } from "./sign.ts";
import { maxTextBytes } from "./workspace.ts";

/** A private key that is kept elsewhere, in a service or a device that signs. */
export interface RemoteSigner {
  readonly verificationKey: VerificationKey;
  /** A signature in the form of JWS (RFC 7518 §3): for ECDSA r ‖ s. */
  sign(input: Uint8Array): Promise<Uint8Array>;
}

/**
 * As `signJwt`, with a key that is kept elsewhere. The signature is checked before the token is answered.
 *
 * @throws JwtError as `signJwt` does; `invalid_signature` where it is not that key's. Whatever `sign` throws
 */
export async function signJwtRemotely(claims: object, signer: RemoteSigner, options: SignJwtOptions): Promise<string> {
  const input = formatSigningInput(claims, signer.verificationKey, options.typ);
  const token = `${input}.${encodeBase64url(await signer.sign(Buffer.from(input)))}`;
  verifyJws(token, signer.verificationKey, { maxTokenBytes: maxTextBytes });
  return token;
}
