import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { createConnectionPool } from "../harness/http-connection.ts";
import type { HttpMessage } from "../harness/http-message.ts";
import { createMessageReader, headerOf } from "../harness/http-message.ts";
import type { Fault } from "./fault-plan.ts";

/** Names the client a request is from, and numbers its requests (`app 7;31`); the proxy takes it off. */
export const CLIENT_HEADER = "x-bench-client";

/** A proxy on loopback that mistreats requests and answers as it is told. */
export interface FaultProxy {
  readonly port: number;
  /** Sends every request that is still held back, and waits for its answer. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface FaultProxyOptions {
  readonly upstreamPort: () => number;
  readonly plan: (client: string) => Fault;
  /** Sees every request that reaches the server and its answer, whether or not anybody else gets to see that. */
  readonly observe: (client: string, request: HttpMessage, answer: HttpMessage) => void;
  readonly note: (client: string, line: string) => void;
}

interface HeldRequest {
  readonly request: HttpMessage;
  readonly due: number;
}

/** What the proxy keeps for one client. */
interface Lane {
  /** The number of its latest request. */
  arrived: number;
  held: readonly HeldRequest[];
  /** What the server has not answered yet, oldest first. */
  underWay: readonly { readonly number: number; readonly answered: Promise<unknown> }[];
}

/**
 * How far a request may fall behind through no plan of ours (a connection waits to be accepted, the server is busy). Later
 * ones wait for it, or it is dropped: with what is held back on purpose, that stays within the eight generations that the
 * authority remembers.
 */
const MAX_REQUESTS_LATE = 2;
const UPSTREAM_CONNECTIONS = 24;

const UPSTREAM_TIMEOUT_MS = 20_000;

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const upstream = createConnectionPool({ port: options.upstreamPort, size: UPSTREAM_CONNECTIONS });
  const lanes = new Map<string, Lane>();
  const sockets = new Set<Socket>();
  const underWay = new Set<Promise<void>>();

  const forward = async (client: string, request: HttpMessage): Promise<HttpMessage> => {
    const lane = laneOf(client);
    for (let oldest = lane.underWay[0]; oldest !== undefined; oldest = lane.underWay[0]) {
      if (oldest.number >= lane.arrived - MAX_REQUESTS_LATE) break;
      await oldest.answered;
    }
    const exchange = upstream.exchange(bytesOf(request), UPSTREAM_TIMEOUT_MS);
    const entry = { number: lane.arrived, answered: Promise.allSettled([exchange]) };
    lane.underWay = [...lane.underWay, entry];
    try {
      const answer = await exchange;
      options.observe(client, request, answer);
      return answer;
    } finally {
      lane.underWay = lane.underWay.filter((one) => one !== entry);
    }
  };
  const forwardUnheard = async (client: string, request: HttpMessage): Promise<void> => {
    try {
      await forward(client, request);
    } catch (error) {
      options.note(client, `a request nobody waits for was lost: ${String(error)}`);
    }
  };
  const laneOf = (client: string): Lane => {
    const lane = lanes.get(client) ?? { arrived: 0, held: [], underWay: [] };
    lanes.set(client, lane);
    return lane;
  };
  const releaseDue = (client: string, lane: Lane): void => {
    const due = lane.held.filter((one) => one.due <= lane.arrived);
    if (due.length === 0) return;
    lane.held = lane.held.filter((one) => one.due > lane.arrived);
    for (const { request } of due) {
      options.note(client, `proxy: a request held back is sent now`);
      track(forwardUnheard(client, request));
    }
  };
  const track = (work: Promise<void>): void => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  };

  const pass = async (socket: Socket, sender: Sender, request: HttpMessage): Promise<void> => {
    const { client } = sender;
    const lane = laneOf(client);
    if (sender.number < lane.arrived - MAX_REQUESTS_LATE) {
      options.note(client, "proxy: a request came too late and is dropped");
      socket.destroy();
      return;
    }
    lane.arrived = Math.max(lane.arrived, sender.number);
    releaseDue(client, lane);
    const fault = options.plan(client);
    if (fault.kind !== "none") options.note(client, `proxy: ${JSON.stringify(fault)}`);
    switch (fault.kind) {
      case "drop-request":
        socket.destroy();
        return;
      case "overtaken":
        lane.held = [...lane.held, { request, due: lane.arrived + fault.afterRequests }];
        if (fault.sender === "is-reset") socket.destroy();
        return;
      case "duplicate":
        if (fault.afterRequests === 0) track(forwardUnheard(client, request));
        else lane.held = [...lane.held, { request, due: lane.arrived + fault.afterRequests }];
        answerWith(socket, await forward(client, request));
        return;
      case "drop-response":
        await forward(client, request);
        socket.destroy();
        return;
      case "delay": {
        await sleep(fault.requestMs);
        const answer = await forward(client, request);
        await sleep(fault.responseMs);
        answerWith(socket, answer);
        return;
      }
      case "none":
        answerWith(socket, await forward(client, request));
    }
  };

  const server = createServer({ noDelay: true }, (socket) => {
    const reader = createMessageReader();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A reset by its client is what a client that gives up does.
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes: Buffer) => {
      for (const message of reader.feed(bytes)) {
        const sender = senderOf(message);
        track(
          pass(socket, sender, withoutClient(message)).catch((error: unknown) => {
            options.note(sender.client, `proxy: the server did not answer: ${String(error)}`);
            socket.destroy();
          }),
        );
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");

  return {
    port: address.port,
    async flush() {
      for (const [client, lane] of lanes) {
        for (const { request } of lane.held) track(forwardUnheard(client, request));
        lane.held = [];
      }
      while (underWay.size > 0) await Promise.all(underWay);
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      upstream.close();
      await once(server, "close");
    },
  };
}

interface Sender {
  readonly client: string;
  readonly number: number;
}

function senderOf({ head }: HttpMessage): Sender {
  const [client = "", number] = (headerOf(head, CLIENT_HEADER) ?? "").split(";");
  return { client, number: Number(number) };
}

function withoutClient({ head, body }: HttpMessage): HttpMessage {
  return { head: head.replace(/\r\nx-bench-client:[^\r]*/i, ""), body };
}

function bytesOf({ head, body }: HttpMessage): Buffer {
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), body]);
}

function answerWith(socket: Socket, answer: HttpMessage): void {
  if (!socket.destroyed) socket.write(bytesOf(answer));
}
