import { describe, expect, it } from "vitest";

import {
  authorizationServerMetadataUrl,
  cookieNames,
  ERRORS,
  isErrorCode,
  openidConfigurationUrl,
  parseCsrfGeneration,
} from "../src/index.ts";

describe("where metadata is", () => {
  it.each([
    [
      "https://a.example",
      "https://a.example/.well-known/oauth-authorization-server",
      "https://a.example/.well-known/openid-configuration",
    ],
    [
      "https://a.example/id",
      "https://a.example/.well-known/oauth-authorization-server/id",
      "https://a.example/id/.well-known/openid-configuration",
    ],
  ])("MD-02: of %s", (issuer, rfc8414, discovery) => {
    expect(authorizationServerMetadataUrl(issuer)).toBe(rfc8414);
    expect(openidConfigurationUrl(issuer)).toBe(discovery);
  });
});

describe("cookie names", () => {
  it("BR-01: carry the prefix that browsers enforce, unless on loopback without TLS", () => {
    expect(cookieNames({ secure: true, scope: "path" }).refresh).toBe("__Secure-latchkey-rt");
    expect(cookieNames({ secure: true, scope: "origin" }).refresh).toBe("__Host-latchkey-rt");
    expect(cookieNames({ secure: false, scope: "origin" }).refresh).toBe("latchkey-rt");
  });
});

describe("the CSRF token", () => {
  it.each([
    [`12.${"A".repeat(43)}`, 12],
    [`012.${"A".repeat(43)}`, undefined],
    [`-1.${"A".repeat(43)}`, undefined],
    [`1.${"A".repeat(42)}`, undefined],
    ["", undefined],
  ])("tells its generation: %s", (token, generation) => {
    expect(parseCsrfGeneration(token)).toBe(generation);
  });
});

describe("error codes", () => {
  it("are known by their own names alone", () => {
    expect(isErrorCode("session_ended")).toBe(true);
    for (const other of ["constructor", "__proto__", "nope", 401, null]) expect(isErrorCode(other)).toBe(false);
  });

  it("each have a status and one sentence", () => {
    for (const { status, description } of Object.values(ERRORS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(description).toMatch(/^[A-Z].*\.$/);
    }
  });
});
