import { expect, test } from "vitest";

import { parseOptions } from "../src/options.ts";

const good = { issuer: "https://app.example.com" };

test("options in order are taken", () => {
  const settings = parseOptions({ issuer: "http://127.0.0.1:3000/id", apiOrigins: ["https://api.example.com"] });
  expect(settings).toEqual({
    issuer: "http://127.0.0.1:3000/id",
    secure: false,
    tokenOrigins: new Set(["http://127.0.0.1:3000", "https://api.example.com"]),
    timeoutMs: 15_000,
  });
  expect(parseOptions(good).secure).toBe(true);
});

test.each([
  ["plain http", { issuer: "http://app.example.com" }, "issuer"],
  ["a name that only begins like loopback", { issuer: "http://localhost.example.com" }, "issuer"],
  ["a trailing slash", { issuer: "https://app.example.com/" }, "issuer"],
  ["a query", { issuer: "https://app.example.com?x" }, "issuer"],
  ["a user", { issuer: "https://me@app.example.com" }, "issuer"],
  ["no URL", { issuer: "app.example.com" }, "issuer"],
  ["another spelling", { issuer: "https://APP.example.com" }, "issuer"],
  ["an API with a path", { ...good, apiOrigins: ["https://api.example.com/v1"] }, "apiOrigins"],
  ["an API on plain http", { ...good, apiOrigins: ["http://api.example.com"] }, "apiOrigins"],
  ["the null origin", { ...good, apiOrigins: ["null"] }, "apiOrigins"],
  ["no time at all", { ...good, requestTimeoutSeconds: 0 }, "requestTimeoutSeconds"],
  ["an unknown option", { ...good, apiOrigin: "https://api.example.com" }, "apiOrigin"],
])("%s is refused by name", (_, options, name) => {
  expect(() => parseOptions(options)).toThrow(
    expect.objectContaining({ code: "invalid_options", message: expect.stringMatching(new RegExp(`^${name}:`)) }),
  );
});
