import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";

/** A client's key, and proofs by it (ES256), made as fast as they can be. */
export interface Prover {
  prove(method: string, url: string, accessToken?: string): string;
}

export function createProver(): Prover {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const header = encode({ typ: "dpop+jwt", alg: "ES256", jwk: publicKey.export({ format: "jwk" }) });
  return {
    prove(method, url, accessToken) {
      const iat = Math.floor(Date.now() / 1_000);
      const ath = accessToken === undefined ? undefined : createHash("sha256").update(accessToken).digest("base64url");
      const input = `${header}.${encode({ jti: randomUUID(), htm: method, htu: url, iat, ath })}`;
      const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
      return `${input}.${signature.toString("base64url")}`;
    },
  };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
