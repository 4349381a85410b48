import { HS256 } from "./algorithms.ts";
import { createHmac } from "./hmac.ts";
import { JwtError } from "./jwt-error.ts";
import { maxTextBytes, textStart, workspace } from "./workspace.ts";

/**
 * Makes the function that authenticates texts with HMAC-SHA256 (RFC 2104), as their UTF-8, in base64url (43 characters). For short
 * texts it takes half as long as `createHmac` of `node:crypto`, and leaves no object behind to be cleared away.
 *
 * @param secret at least 32 random bytes, for this one use
 * @throws JwtError `weak_key`; from the function, `invalid_options` for a text of more than 64 KiB
 */
export function createMac(secret: Uint8Array): (text: string) => string {
  if (!(secret instanceof Uint8Array) || secret.length < HS256.hashBytes) {
    throw new JwtError("weak_key", `The secret of a MAC is at least ${HS256.hashBytes} random bytes long.`);
  }
  const { signer } = createHmac(HS256, secret);
  return (text) => {
    // What does not fit would be cut off without a word. UTF-8 takes at most three bytes for a UTF-16 unit.
    if (text.length > maxTextBytes / 3 && Buffer.byteLength(text) > maxTextBytes) {
      throw new JwtError("invalid_options", "The text is longer than 64 KiB.");
    }
    return signer.sign(workspace.write(text, textStart, "utf8"));
  };
}
