import ipaddr from "ipaddr.js";

import { ConfigurationError } from "../errors.ts";

/**
 * Where a request came from: the peer of the connection, or, where that is a proxy of yours, whom it says it speaks for.
 *
 * @param forwardedFor the `X-Forwarded-For` header, to which each proxy appends whom it was called by
 */
export type ReadClientAddress = (peer: string | undefined, forwardedFor: string | null) => string | null;

/**
 * From right to left, as far as proxies are trusted: what stands left of the first that is not was written by nobody
 * knows whom.
 *
 * @param trustedProxies addresses or networks in CIDR notation
 * @throws ConfigurationError
 */
export function createClientAddress(trustedProxies: readonly string[]): ReadClientAddress {
  const isTrusted = createTrust(trustedProxies);
  if (trustedProxies.length === 0) return (peer) => peer?.replace(MAPPED_IPV4, "") ?? null;

  return (peer, forwardedFor) => {
    let client = parseAddress(peer ?? "");
    let path = forwardedFor ?? "";
    // Nothing is read that is not believed: anybody sends 16 KiB of it, and addresses take their time.
    for (let hops = 0; hops < MAX_HOPS && client !== undefined && isTrusted(client); hops++) {
      const comma = path.lastIndexOf(",");
      const before = parseAddress(path.slice(comma + 1).trim());
      // A proxy of ours that names nobody who could be called: then it is the one who calls.
      if (before === undefined) break;
      client = before;
      path = path.slice(0, Math.max(comma, 0));
    }
    return client?.toString() ?? null;
  };
}

/** More proxies than anybody has in a row. */
const MAX_HOPS = 32;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

function createTrust(trustedProxies: readonly string[]): (address: Address) => boolean {
  const networks = trustedProxies.map(parseNetwork);
  return (address) =>
    networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/** Whether the peer of a connection is one of these proxies. @throws ConfigurationError as `createClientAddress` */
export function createTrustedProxies(trustedProxies: readonly string[]): (peer: string | undefined) => boolean {
  const isTrusted = createTrust(trustedProxies);
  return (peer) => {
    const address = parseAddress(peer ?? "");
    return address !== undefined && isTrusted(address);
  };
}

/** Whether the peer of a connection is on this machine. */
export function isLoopback(peer: string | undefined): boolean {
  return parseAddress(peer ?? "")?.range() === "loopback";
}

const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i;

/** Not in the short forms of old, which others read otherwise: 10.1 for 10.0.0.1. */
function parseAddress(text: string): Address | undefined {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : undefined;
}

function parseNetwork(text: string): readonly [Address, number] {
  const address = parseAddress(text.split("/")[0] ?? "");
  if (address !== undefined && !text.includes("/")) return [address, address.kind() === "ipv4" ? 32 : 128];
  try {
    if (address === undefined) throw new TypeError("no address");
    return ipaddr.parseCIDR(text);
  } catch {
    throw new ConfigurationError(`trustedProxies: ${text} is neither an IP address nor a network such as 10.0.0.0/8.`);
  }
}
