/**
 * The load: a process of its own, that asks one route again and again over connections that stay open from order to order, each
 * with all the tokens in turn.
 */
import { answerParent } from "../harness/asked-program.ts";
import { drive, type DriveReport } from "../harness/drive.ts";
import { type HttpConnection, openConnection } from "../harness/http-connection.ts";
import { statusOf } from "../harness/http-message.ts";

export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Stops after so long… */
  readonly seconds: number;
  /** …or after so many requests, whichever is first. */
  readonly exchanges: number;
  readonly tokens: readonly string[];
}

export type LoadReport = DriveReport;

const TIMEOUT_MS = 30_000;

let open: { readonly port: number; readonly connections: readonly HttpConnection[] } = { port: 0, connections: [] };

answerParent(run);

async function run({ port, path, connections, seconds, exchanges, tokens }: LoadOrder): Promise<LoadReport> {
  if (open.port !== port) {
    for (const connection of open.connections) connection.abort();
    open = { port, connections: Array.from({ length: connections }, () => openConnection(port)) };
  }
  const requests = tokens.map((token) =>
    Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: application/json\r\nUser-Agent: load\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    ),
  );
  const share = Math.ceil(requests.length / connections);
  const rest = stayAwake();
  const report = await drive({
    lanes: connections,
    seconds,
    exchanges,
    async exchange(lane, turn) {
      const connection = open.connections[lane];
      const request = requests[(lane * share + turn) % requests.length];
      if (connection === undefined || request === undefined) return "there is no connection";
      const answer = await connection.exchange(request, TIMEOUT_MS);
      const isRight = statusOf(answer.head) === 200 && answer.body.includes('"for":"user_');
      return isRight ? undefined : `${answer.head.split("\r\n")[0]} ${answer.body.toString().slice(0, 300)}`;
    },
  });
  rest();
  return report;
}

/**
 * Keeps this process from sleeping. Whoever writes to a sleeping process pays for waking it, three times the write itself on a virtual
 * machine: the slower of two servers, whose client has time to sleep, would be charged for more than its own work.
 */
function stayAwake(): () => void {
  let isAwake = true;
  const spin = (): void => {
    if (isAwake) setImmediate(spin);
  };
  spin();
  return () => {
    isAwake = false;
  };
}
