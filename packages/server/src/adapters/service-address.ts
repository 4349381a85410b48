import { ConfigurationError } from "../errors.ts";

/**
 * Where secrets are asked for: over TLS, but of an agent on loopback.
 *
 * @param name what to call it in the message
 * @throws ConfigurationError
 */
export function parseServiceAddress(address: string, name: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isLoopback = url !== undefined && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (
    url === undefined ||
    !(url.protocol === "https:" || (url.protocol === "http:" && isLoopback)) ||
    url.username !== ""
  ) {
    throw new ConfigurationError(
      `${name}: must be an https: URL without a user (plain http: is for an agent on loopback alone).`,
    );
  }
  return url;
}
