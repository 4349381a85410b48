import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import type { HashName, RsaAlgorithm } from "./algorithms.ts";

// Object identifiers in DER (RFC 4055, RFC 5758).
const oids: Readonly<Record<HashName | "rsassaPss" | "mgf1", readonly number[]>> = {
  rsassaPss: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a],
  mgf1: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08],
  sha256: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
  sha384: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
  sha512: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
};

const tag = { integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, sequence: 0x30 } as const;

/** The same public key as an id-RSASSA-PSS key (RFC 4055 §1.2): hash, MGF and a salt as long as the hash are then part of the key. */
export function toPssPublicKey(publicKey: KeyObject, row: RsaAlgorithm): KeyObject {
  const key = publicKey.export({ type: "pkcs1", format: "der" });
  const spki = encode(tag.sequence, algorithmIdentifier(row), encode(tag.bitString, Buffer.from([0]), key));
  return createPublicKey({ key: spki, type: "spki", format: "der" });
}

export function toPssPrivateKey(privateKey: KeyObject, row: RsaAlgorithm): KeyObject {
  const key = privateKey.export({ type: "pkcs1", format: "der" });
  const version = encode(tag.integer, Buffer.from([0]));
  const pkcs8 = encode(tag.sequence, version, algorithmIdentifier(row), encode(tag.octetString, key));
  return createPrivateKey({ key: pkcs8, type: "pkcs8", format: "der" });
}

/** RSASSA-PSS-params of RFC 4055 §3.1. */
function algorithmIdentifier({ hash, hashBytes }: RsaAlgorithm): Buffer {
  const hashIdentifier = encode(tag.sequence, encode(tag.oid, Buffer.from(oids[hash])));
  const mgf = encode(tag.sequence, encode(tag.oid, Buffer.from(oids.mgf1)), hashIdentifier);
  const parameters = encode(
    tag.sequence,
    encode(0xa0, hashIdentifier),
    encode(0xa1, mgf),
    encode(0xa2, encode(tag.integer, Buffer.from([hashBytes]))),
  );
  return encode(tag.sequence, encode(tag.oid, Buffer.from(oids.rsassaPss)), parameters);
}

function encode(derTag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([derTag, ...encodeLength(body.length)]), body]);
}

function encodeLength(length: number): readonly number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}
