import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { onTestFinished } from "vitest";

/** A connection that sends what it is told, byte for byte. */
export interface RawConnection {
  send(text: string): void;
  /** All that has come so far. */
  readonly received: string;
  readonly isClosed: boolean;
  /** Resolves with all that came, once the server has closed; rejects where it has not in time. */
  closed(withinMs?: number): Promise<string>;
  /** Resolves once this has come. */
  until(text: string, withinMs?: number): Promise<string>;
  end(): void;
}

export async function rawConnection(port: number): Promise<RawConnection> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let received = "";
  let isClosed = false;
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  socket.on("close", () => (isClosed = true));
  await once(socket, "connect");

  const wait = async (isOver: () => boolean, what: string, withinMs: number): Promise<string> => {
    const until = performance.now() + withinMs;
    while (!isOver()) {
      if (performance.now() > until) throw new Error(`${what} has not come in ${withinMs} ms, but: ${received}`);
      await sleep(10);
    }
    return received;
  };

  return {
    send(text) {
      if (!socket.destroyed) socket.write(text, "latin1");
    },
    get received() {
      return received;
    },
    get isClosed() {
      return isClosed;
    },
    closed: (withinMs = 5_000) => wait(() => isClosed, "the end", withinMs),
    until: (text, withinMs = 5_000) => wait(() => received.includes(text), JSON.stringify(text), withinMs),
    end: () => void socket.destroy(),
  };
}

/** Sends one text on a connection of its own, and answers what came until the server closed it. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const connection = await rawConnection(port);
  connection.send(text);
  return connection.closed();
}

/** The statuses of all answers in what came over one connection. */
export function statusesOf(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
