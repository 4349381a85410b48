import { type KeyObject, sign, verify } from "node:crypto";
import type { HashName } from "./algorithms.ts";
import {
  base64urlChars,
  decodeSignature,
  signInPool,
  type SignatureSigner,
  type SignatureVerifier,
} from "./signature.ts";
import { textView } from "./workspace.ts";

/**
 * RSASSA-PKCS1-v1_5 and, where the keys are id-RSASSA-PSS keys, RSASSA-PSS. The bare KeyObject is passed: `{ key, padding }` costs
 * 10 µs a call, so the parameters of PSS are part of the key (see rsa-pss-key.ts).
 */
export function createRsaVerifier(hash: HashName, publicKey: KeyObject): SignatureVerifier {
  const bytes = Math.ceil((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  return {
    signatureChars: base64urlChars(bytes),
    verify(token, inputLength) {
      const signature = decodeSignature(token, inputLength + 1, bytes);
      return signature !== undefined && verify(hash, textView(inputLength), publicKey, signature);
    },
  };
}

export function createRsaSigner(hash: HashName, privateKey: KeyObject): SignatureSigner {
  return {
    sign: (inputLength) => sign(hash, textView(inputLength), privateKey).toString("base64url"),
    pooled: {
      // With 2048 bits 0.4 ms, with 4096 2.4: nobody else is to wait for more than one of them.
      worthItFrom: 2,
      sign: async (input) => (await signInPool(hash, input, privateKey)).toString("base64url"),
    },
  };
}
