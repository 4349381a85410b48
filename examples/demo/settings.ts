import { styleText } from "node:util";

/** Where the demo listens and keeps its data: all of its configuration, from the environment. */
export interface DemoSettings {
  readonly port: number;
  readonly apiPort: number;
  readonly hostname: string;
  readonly dataPath: string;
  /** The authority's own URL, the `iss` of its tokens. */
  readonly issuer: string;
  /** The demo API, and the `aud` of ordinary tokens for it. */
  readonly api: string;
  /** The same API, by tokens that live 15 seconds: to watch them expire. */
  readonly briefAudience: string;
  /** An API that is not this one: to see its tokens refused. */
  readonly otherAudience: string;
}

export function readSettings(env: NodeJS.ProcessEnv): DemoSettings {
  const port = readPort(env, "PORT", 3000);
  const apiPort = readPort(env, "API_PORT", 3001);
  if (port === apiPort) fail(`PORT and API_PORT are both ${port}: they need two ports.`);
  const api = `http://localhost:${apiPort}`;
  return {
    port,
    apiPort,
    hostname: env["HOST"] ?? "127.0.0.1",
    dataPath: env["LATCHKEY_DATA"] ?? "./.latchkey",
    issuer: `http://localhost:${port}`,
    api,
    briefAudience: `${api}/brief`,
    otherAudience: `${api}/elsewhere`,
  };
}

function readPort(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = env[name] ?? String(fallback);
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) fail(`${name} must be a port number from 1 to 65535.`);
  return port;
}

/** Ends the demo with one line that says what to do. */
export function fail(message: string): never {
  process.stderr.write(`${styleText("red", "Latchkey cannot start:")} ${message}\n`);
  process.exit(1);
}
