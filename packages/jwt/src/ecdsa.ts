import { type KeyObject, sign, verify } from "node:crypto";
import type { EcdsaAlgorithm } from "./algorithms.ts";
import { derToP1363, maxDerBytes, p1363ToDer } from "./ecdsa-signature.ts";
import {
  base64urlChars,
  decodeSignature,
  signInPool,
  type SignatureSigner,
  type SignatureVerifier,
} from "./signature.ts";
import { textView } from "./workspace.ts";

const der = Buffer.allocUnsafeSlow(maxDerBytes);
const derViews: readonly Buffer[] = Array.from({ length: maxDerBytes + 1 }, (_, length) => der.subarray(0, length));

/** ECDSA with the fixed-length R ‖ S of RFC 7518 §3.4. OpenSSL gets DER: `dsaEncoding: "ieee-p1363"` costs 13 µs a call, this 50 ns. */
export function createEcdsaVerifier(row: EcdsaAlgorithm, publicKey: KeyObject): SignatureVerifier {
  const { coordinateBytes, hash } = row;
  return {
    signatureChars: base64urlChars(2 * coordinateBytes),
    verify(token, inputLength) {
      const signature = decodeSignature(token, inputLength + 1, 2 * coordinateBytes);
      if (signature === undefined) return false;
      const derSignature = derViews[p1363ToDer(signature, der)];
      return derSignature !== undefined && verify(hash, textView(inputLength), publicKey, derSignature);
    },
  };
}

export function createEcdsaSigner(row: EcdsaAlgorithm, privateKey: KeyObject): SignatureSigner {
  const { coordinateBytes, hash } = row;
  const signature = Buffer.alloc(2 * coordinateBytes);
  const encode = (made: Buffer): string => {
    derToP1363(made, signature);
    return signature.toString("base64url");
  };
  return {
    sign: (inputLength) => encode(sign(hash, textView(inputLength), privateKey)),
    pooled: {
      // P-256 takes OpenSSL 25 µs; P-384 and P-521, for which it has no assembly, a millisecond and more.
      worthItFrom: row.crv === "P-256" ? 16 : 2,
      sign: async (input) => encode(await signInPool(hash, input, privateKey)),
    },
  };
}
