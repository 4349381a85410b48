import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { createPrometheusMetrics } from "../../src/adapters/prometheus-metrics.ts";
import { expectRefusal, freshKey, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import type { TracedRun } from "./traced-authority.ts";
import { made, WITH_API_TOKENS } from "../http/api-token-calls.ts";
import { basicOf, WITH_RESOURCE_SERVERS } from "../http/resource-server.ts";

const attempt = (key: string) => ({ "Latchkey-Attempt": key });

describe("metrics for Prometheus", () => {
  async function start() {
    const metrics = createPrometheusMetrics();
    const authority = await startAuthority({ ...WITH_RESOURCE_SERVERS, observer: metrics.observer });
    metrics.watch(authority.server);
    const value = async (line: string): Promise<number> => {
      const found = (await metrics.text()).split("\n").find((text) => text.startsWith(`${line} `));
      return found === undefined ? 0 : Number(found.slice(line.length + 1));
    };
    return { metrics, authority, value };
  }

  it("count refreshes by verdict, sign-ins by outcome, thefts and revocations", async () => {
    const { authority, value } = await start();
    const session = await authority.signedIn();
    const json = { email: "ada@example.com", password: "a wrong password" };
    expectRefusal(await authority.call("POST", "/auth/login", { json }), 401, "invalid_credentials");
    const key = freshKey();
    granted(await authority.refresh(session.refresh_token, attempt(key)));
    granted(await authority.refresh(session.refresh_token, attempt(key)));
    expectRefusal(await authority.refresh(session.refresh_token, attempt(freshKey())), 401, "session_ended");
    expectRefusal(await authority.refresh(session.refresh_token, attempt(key)), 401, "session_ended");

    expect({
      rotated: await value('latchkey_refreshes_total{verdict="rotated"}'),
      retried: await value('latchkey_refreshes_total{verdict="retried"}'),
      reuse: await value('latchkey_refreshes_total{verdict="reuse"}'),
      refused: await value('latchkey_refreshes_total{verdict="refused"}'),
      signedIn: await value('latchkey_sign_ins_total{outcome="signed_in"}'),
      failed: await value('latchkey_sign_ins_total{outcome="failed"}'),
      thefts: await value("latchkey_thefts_total"),
      revoked: await value('latchkey_revocations_total{kind="session",reason="refresh_token_reuse"}'),
      refusals: await value('latchkey_refusals_total{route="/auth/refresh",code="session_ended"}'),
      requests: await value(
        'latchkey_request_duration_seconds_count{method="POST",route="/auth/refresh",status="200"}',
      ),
    }).toEqual({
      rotated: 1,
      retried: 1,
      reuse: 1,
      refused: 1,
      signedIn: 1,
      failed: 1,
      thefts: 1,
      revoked: 1,
      refusals: 2,
      requests: 2,
    });
  });

  it("count API tokens that are taken back, once each, and see the store's verbs for them", async () => {
    const metrics = createPrometheusMetrics();
    const authority = await startAuthority({ ...WITH_API_TOKENS, observer: metrics.observer });
    const session = await authority.signedIn();
    const { api_token: token } = await made(authority, session);
    for (let times = 0; times < 2; times++) {
      await authority.call("DELETE", `/auth/tokens/${token.id}`, { token: session.access_token });
    }
    const text = await metrics.text();
    expect(text).toContain('latchkey_revocations_total{kind="api_token",reason="revoked_by_user"} 1\n');
    expect(text).toContain(
      'latchkey_store_duration_seconds_count{verb="apiTokens.createApiToken",outcome="answered"} 1\n',
    );
  });

  it("count what limits refuse, and what the store took and failed to answer", async () => {
    const { authority, value } = await start();
    const json = { email: "ada@example.com", password: "a wrong password" };
    for (let index = 0; index < 6; index++) await authority.call("POST", "/auth/login", { json });
    expect(await value('latchkey_rate_limited_total{limit="delay-per-account"}')).toBe(1);
    expect(
      await value('latchkey_store_duration_seconds_count{verb="accounts.claimPasswordCheck",outcome="answered"}'),
    ).toBe(5);
    await authority.server.close();
    expectRefusal(await authority.refresh("x.y.z"), 401, "session_ended");
    expect((await authority.call("POST", "/auth/login", { json: { ...json, email: "b@example.com" } })).status).toBe(
      503,
    );
    expect(
      await value('latchkey_store_duration_seconds_count{verb="accounts.findAccountByEmail",outcome="failed"}'),
    ).toBe(1);
    expect(await value('latchkey_refusals_total{route="/auth/login",code="unavailable"}')).toBe(1);
  });

  it("measure followers, how far behind the feed is, the keys' ages and the queue of hashes", async () => {
    const { metrics, authority, value } = await start();
    const headers = { Accept: "text/event-stream", Authorization: basicOf("api") };
    const stream = await authority.server.fetch(new Request(`${ISSUER}/revocations`, { headers }));
    const reader = stream.body?.getReader();
    await reader?.read();
    expect(await value("latchkey_feed_followers")).toBe(1);
    expect(await value("latchkey_feed_lag_seconds")).toBeLessThan(5);
    expect(await value("latchkey_hashing_waiting")).toBe(0);
    const text = await metrics.text();
    expect(text).toMatch(/^latchkey_key_age_seconds\{purpose="access-token",alg="ES256",state="active"\} \d/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    await reader?.cancel();
    await expect.poll(() => value("latchkey_feed_followers"), { timeout: 5_000 }).toBe(0);
  });

  it("have no label that a request can choose, and hold nothing that is secret", async () => {
    const { metrics, authority } = await start();
    const session = await authority.signedIn();
    const series = async (): Promise<number> =>
      (await metrics.text()).split("\n").filter((line) => line.startsWith("latchkey_")).length;
    const ask = (index: number) =>
      Promise.all([
        authority.call("GET", `/nothing-${index}?q=${index}`),
        authority.call("DELETE", `/auth/sessions/session-${index}`, { token: session.access_token }),
        authority.call("POST", "/auth/login", { json: { email: `u${index}@example.com`, password: "wrong-password" } }),
        authority.refresh(`token-${index}`),
      ]);
    await ask(0);
    const before = await series();
    for (let index = 1; index < 30; index++) await ask(index);
    expect(await series()).toBe(before);
    const text = await metrics.text();
    for (const secret of [session.access_token, session.refresh_token, session.session_id, "ada@", PASSWORD]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe("spans of OpenTelemetry", () => {
  async function run(...args: readonly string[]): Promise<TracedRun> {
    const script = join(import.meta.dirname, "traced-authority.ts");
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning", script, ...args],
      { timeout: 60_000 },
    );
    return JSON.parse(stdout) as TracedRun;
  }

  it(
    "are of requests and of what they asked of the store, hold no secret, and take no stranger's orders",
    { timeout: 60_000 },
    async () => {
      const { spans, secrets } = await run();
      const [refresh, refused] = spans.filter(({ name }) => name === "POST /auth/refresh");
      expect(refresh?.attributes).toMatchObject({
        "http.request.method": "POST",
        "http.route": "/auth/refresh",
        "http.response.status_code": 200,
      });
      expect(refused?.attributes).toMatchObject({ "error.type": "session_ended", "http.response.status_code": 401 });
      const below = spans.filter(({ parentSpanId }) => parentSpanId === refresh?.spanId);
      expect(below.map(({ name }) => name)).toEqual(["store findSessionWithUser", "store sessions.rotateSession"]);
      const text = JSON.stringify(spans);
      for (const secret of [...secrets, "203.0.113.9", "evil"]) expect(text).not.toContain(secret);

      const probes = spans.filter(({ name }) => name === "GET /health/live");
      const id = (digit: string): string => digit.repeat(32);
      // A stranger's trace is linked to, a trusted proxy's is gone on with, and what is none is ignored.
      expect(probes.map(({ traceId, links }) => [/^(.)\1{31}$/.test(traceId) ? traceId : "new", links])).toEqual([
        ["new", 1],
        [id("2"), 0],
        ["new", 0],
        ["new", 0],
      ]);
      expect(spans.some(({ hasTraceState }) => hasTraceState)).toBe(false);
    },
  );

  it("are nothing where no SDK was loaded", { timeout: 60_000 }, async () => {
    expect((await run("without-sdk")).spans).toEqual([]);
  });
});
