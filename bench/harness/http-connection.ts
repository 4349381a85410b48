import type { Socket } from "node:net";
import { connect } from "node:net";

import type { HttpMessage } from "./http-message.ts";
import { createMessageReader } from "./http-message.ts";

/** One keep-alive connection to a server on loopback; one request at a time. */
export interface HttpConnection {
  readonly usable: boolean;
  /** Rejects where the connection dies, or the time is over, before the whole answer is here. */
  exchange(request: string | Buffer, timeoutMs: number): Promise<HttpMessage>;
  /** Closes at once; what is under way is rejected. */
  abort(): void;
}

interface Waiting {
  readonly resolve: (message: HttpMessage) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export function openConnection(port: number): HttpConnection {
  const reader = createMessageReader();
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let waiting: Waiting | undefined;
  let usable = true;

  const finish = (settle: (one: Waiting) => void): void => {
    const one = waiting;
    if (one === undefined) return;
    waiting = undefined;
    clearTimeout(one.timer);
    settle(one);
  };
  const die = (reason: string): void => {
    usable = false;
    socket.destroy();
    finish((one) => one.reject(new Error(reason)));
  };

  socket.on("data", (bytes: Buffer) => {
    for (const message of reader.feed(bytes)) {
      if (/^connection:\s*close/im.test(message.head)) usable = false;
      finish((one) => one.resolve(message));
    }
  });
  socket.on("error", (error) => die(error.message));
  socket.on("close", () => die("the connection closed"));

  return {
    get usable() {
      return usable && waiting === undefined;
    },
    exchange(request, timeoutMs) {
      const { promise, resolve, reject } = Promise.withResolvers<HttpMessage>();
      if (!usable) {
        reject(new Error("the connection is closed"));
        return promise;
      }
      waiting = { resolve, reject, timer: setTimeout(() => die("no answer in time"), timeoutMs) };
      socket.write(request);
      return promise;
    },
    abort: () => die("aborted"),
  };
}

/** Connections to one port, so many at most; whoever finds none free waits in line. */
export interface ConnectionPool {
  exchange(request: string | Buffer, timeoutMs: number): Promise<HttpMessage>;
  close(): void;
}

export function createConnectionPool(options: { readonly port: () => number; readonly size: number }): ConnectionPool {
  let idle: HttpConnection[] = [];
  let line: (() => void)[] = [];
  let busy = 0;
  const enter = async (): Promise<void> => {
    if (busy >= options.size) await new Promise<void>((resolve) => line.push(resolve));
    busy += 1;
  };
  const leave = (): void => {
    busy -= 1;
    line.shift()?.();
  };
  return {
    async exchange(request, timeoutMs) {
      await enter();
      try {
        // The one that was idle longest: none is left alone until the server closes it.
        let connection = idle.shift();
        while (connection !== undefined && !connection.usable) connection = idle.shift();
        connection ??= openConnection(options.port());
        const answer = await connection.exchange(request, timeoutMs);
        if (connection.usable) idle.push(connection);
        else connection.abort();
        return answer;
      } finally {
        leave();
      }
    },
    close() {
      for (const connection of idle) connection.abort();
      idle = [];
      line = [];
    },
  };
}

/** The bytes of a POST to a server on loopback. */
export function postRequest(path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${lines.join("")}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
