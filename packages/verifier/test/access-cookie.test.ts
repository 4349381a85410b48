import { createVerifier, refusalAnswer, type Verifier, type VerifierError } from "@latchkey/verifier";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { AUDIENCE, startIssuer, type TestIssuer } from "./issuer-on-loopback.ts";

const PAGE = "https://app.example.com";
const NAME = "latchkey-at";

let issuer: TestIssuer;
let verifier: Verifier;
let token: string;
beforeAll(async () => {
  issuer = await startIssuer({ clock: () => Date.now() / 1000 });
  verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE, accessCookie: { allowedOrigins: [PAGE] } });
  token = issuer.issue();
});
afterAll(async () => {
  verifier.close();
  await issuer.stop();
});

interface Sent {
  readonly method?: string;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The subject that the verifier finds, or the code of its refusal. */
async function outcomeOf({ method = "GET", cookie, headers = {} }: Sent, by = verifier): Promise<string> {
  const request = new Request("http://localhost/reports", {
    method,
    headers: { ...(cookie !== undefined && { Cookie: cookie }), ...headers },
  });
  return by.authenticate(request).then(
    ({ subject }) => subject,
    (error: VerifierError) => error.code,
  );
}

describe("the access token in a cookie", () => {
  it("is taken where there is no Authorization", async () => {
    expect(await outcomeOf({ cookie: `theme=dark; ${NAME}=${token}` })).toBe("user-1");
    expect(await outcomeOf({ cookie: `${NAME}=${token}`, headers: { Authorization: "Bearer nonsense" } })).toBe(
      "invalid_token",
    );
    expect(await outcomeOf({ cookie: `${NAME}=${token.slice(0, -4)}AAAA` })).toBe("invalid_token");
    expect(await outcomeOf({})).toBe("missing_token");
  });

  it("is not looked at unless told to", async () => {
    const plain = createVerifier({ issuer: issuer.url, audience: AUDIENCE });
    expect(await outcomeOf({ cookie: `${NAME}=${token}` }, plain)).toBe("missing_token");
    plain.close();
  });

  it.each([
    ["an allowed origin", { Origin: PAGE }, "user-1"],
    ["the same origin, by the browser's word", { "Sec-Fetch-Site": "same-origin" }, "user-1"],
    ["another origin", { Origin: "https://evil.example" }, "origin_not_allowed"],
    ["a sibling subdomain", { Origin: "https://www.example.com" }, "origin_not_allowed"],
    ["an origin that only begins alike", { Origin: `${PAGE}.evil.example` }, "origin_not_allowed"],
    ["no origin", { Origin: "null" }, "origin_not_allowed"],
    ["a page that hides where it is", {}, "origin_not_allowed"],
    ["the same site", { "Sec-Fetch-Site": "same-site" }, "origin_not_allowed"],
    ["another origin that says otherwise", { Origin: "null", "Sec-Fetch-Site": "same-origin" }, "origin_not_allowed"],
  ])("BR-02: changes something only for %s", async (_, headers, expected) => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expect(await outcomeOf({ method, cookie: `${NAME}=${token}`, headers }), method).toBe(expected);
    }
    expect(await outcomeOf({ cookie: `${NAME}=${token}`, headers })).toBe("user-1");
  });

  it("needs no origin where the token is in Authorization, which no other page can set", async () => {
    expect(await outcomeOf({ method: "POST", headers: { Authorization: `Bearer ${token}` } })).toBe("user-1");
  });

  it("counts as sent to change something where the request does not say (a caller that left the method out)", async () => {
    const failure = verifier.authenticate({ headers: { cookie: `${NAME}=${token}` } });
    await expect(failure).rejects.toMatchObject({ code: "origin_not_allowed" });
  });

  it("E-10 BR-12: is neither of two of the name", async () => {
    expect(await outcomeOf({ cookie: `${NAME}=${token}; ${NAME}=${token}` })).toBe("invalid_request");
  });

  it.each(["Latchkey-at", "latchkey-at ", "__Host-latchkey-at", "\u00A0latchkey-at", "x-latchkey-at"])(
    "E-11: is not taken from a cookie whose name is only like it (%j)",
    async (name) => {
      const cookie = Buffer.from(`$Version=1; ${name}=${token}`).toString("latin1");
      expect(await outcomeOf({ cookie })).toBe("missing_token");
    },
  );

  it("is refused to another page with 403 and no challenge: a new token would not help", async () => {
    const error: unknown = await verifier
      .authenticate(new Request("http://localhost/", { method: "POST", headers: { Cookie: `${NAME}=${token}` } }))
      .catch((failure: unknown) => failure);
    const answer = refusalAnswer(error);
    expect(answer).toMatchObject({ status: 403, body: expect.stringContaining("origin_not_allowed") });
    expect(answer?.headers).not.toHaveProperty("WWW-Authenticate");
    expect(answer?.headers).toHaveProperty("Cache-Control", "no-store");
  });

  it.each([["https://app.example.com/"], ["app.example.com"], ["*"]])("takes no %s for an origin", (origin) => {
    const accessCookie = { allowedOrigins: [origin] };
    expect(() => createVerifier({ issuer: issuer.url, audience: AUDIENCE, accessCookie })).toThrow(
      /accessCookie\.allowedOrigins/,
    );
  });
});
