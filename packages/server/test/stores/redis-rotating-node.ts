// A node that exchanges one token 25 times at once, and says how often it won: run as a process of its own.
import type { Session } from "../../src/domain/session.ts";
import { createRedisSessionStore } from "../../src/stores/redis/index.ts";
import { sampleRotation } from "../../src/testing/samples.ts";

const [, , url = "", session = ""] = process.argv;
const store = createRedisSessionStore({ url });
const verdicts = await Promise.all(
  Array.from({ length: 25 }, () => store.sessions.rotateSession(sampleRotation(JSON.parse(session) as Session))),
);
process.stdout.write(String(verdicts.filter(Boolean).length));
await store.close();
