import { describe, expect, it } from "vitest";

import { createPwnedPasswords } from "../../src/index.ts";
import { startRangeServer } from "../range-server.ts";

const BREACHED = "a phrase that was leaked";

describe("the look-up of breached passwords", () => {
  it("PW-02: finds a breached password, and no other", async () => {
    const range = await startRangeServer([BREACHED]);
    const screening = createPwnedPasswords({ url: range.url, timeoutMs: 20_000 });
    expect(await screening.isBreached(BREACHED)).toBe(true);
    expect(await screening.isBreached("a phrase that was not")).toBe(false);
  });

  it("tells the server five digits of the SHA-1 and nothing else, and asks for padding", async () => {
    const range = await startRangeServer([]);
    await createPwnedPasswords({ url: `${range.url}/`, timeoutMs: 20_000 }).isBreached("password");
    const [request] = range.requests;
    // SHA-1 of "password": 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
    expect(request?.path).toBe("/range/5BAA6");
    expect(request?.headers).toMatchObject({ "add-padding": "true", "user-agent": "latchkey" });
    expect(JSON.stringify(request)).not.toMatch(/password|1E4C9/i);
  });

  it("takes no padding for a breach", async () => {
    const range = await startRangeServer([]);
    const screening = createPwnedPasswords({ url: range.url, timeoutMs: 20_000 });
    const verdicts = await Promise.all(Array.from({ length: 20 }, (_, n) => screening.isBreached(`phrase ${n}`)));
    expect(verdicts).not.toContain(true);
  });

  it.each([
    ["error", "answered 503"],
    ["page", "something else than a range"],
    ["redirect", "fetch failed"],
    ["flood", "too much"],
    ["nothing", "timeout"],
  ] as const)("says that it cannot tell, in time, where the server answers: %s", async (answer, message) => {
    const range = await startRangeServer([BREACHED]);
    range.answerWith = answer;
    const started = performance.now();
    await expect(createPwnedPasswords({ url: range.url, timeoutMs: 400 }).isBreached(BREACHED)).rejects.toThrow(
      message,
    );
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it.each(["http://api.example.com", "ftp://127.0.0.1", "nonsense"])("refuses to ask %s, in the clear", (url) => {
    expect(() => createPwnedPasswords({ url })).toThrow("https:");
  });
});
