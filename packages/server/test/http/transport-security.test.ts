import { expect, it } from "vitest";

import { startAuthority } from "../authority.ts";

it.each([
  ["a stranger is believed nothing", "203.0.113.5", "https", 400],
  ["a stranger without a word", "203.0.113.5", undefined, 400],
  ["a trusted proxy that was asked by HTTPS", "10.1.2.3", "https", 401],
  ["the same in another spelling", "::ffff:10.1.2.3", "HTTPS", 401],
  ["a trusted proxy that was asked in clear text", "10.1.2.3", "http", 400],
  ["a trusted proxy of which another was asked in clear text", "10.1.2.3", "http, https", 400],
  ["a trusted proxy without a word", "10.1.2.3", undefined, 400],
  ["a trusted proxy with rubbish", "10.1.2.3", "httpss", 400],
  ["nobody knows who", undefined, "https", 400],
  ["this machine", "::1", undefined, 401],
] as const)("HTTPS alone is answered: %s", async (_what, remoteAddress, scheme, status) => {
  const authority = await startAuthority({ trustedProxies: ["10.0.0.0/8"] });
  const headers = scheme === undefined ? {} : { "X-Forwarded-Proto": scheme };
  const ask = (path: string) =>
    authority.server.fetch(new Request(`http://auth.example.com${path}`, { headers }), {
      remoteAddress,
      encrypted: false,
    });
  expect((await ask("/auth/me")).status).toBe(status);
  // Probes come in clear text, from inside.
  expect((await ask("/health/ready")).status).toBe(200);
});
