import { type KeyObject, sign, verify } from "node:crypto";
import {
  base64urlChars,
  decodeSignature,
  signInPool,
  type SignatureSigner,
  type SignatureVerifier,
} from "./signature.ts";
import { textView } from "./workspace.ts";

const signatureBytes = 64;

/** Ed25519 (RFC 8032). OpenSSL refuses `S ≥ L`, so a signature has no second form. */
export function createEd25519Verifier(publicKey: KeyObject): SignatureVerifier {
  return {
    signatureChars: base64urlChars(signatureBytes),
    verify(token, inputLength) {
      const signature = decodeSignature(token, inputLength + 1, signatureBytes);
      return signature !== undefined && verify(null, textView(inputLength), publicKey, signature);
    },
  };
}

export function createEd25519Signer(privateKey: KeyObject): SignatureSigner {
  return {
    sign: (inputLength) => sign(null, textView(inputLength), privateKey).toString("base64url"),
    pooled: {
      worthItFrom: 16,
      sign: async (input) => (await signInPool(null, input, privateKey)).toString("base64url"),
    },
  };
}
