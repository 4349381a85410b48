import { setTimeout as sleep } from "node:timers/promises";

import type { AuthServerOptions, MailOptions, MasterSecret } from "@latchkey/server";
import { createAuthServer } from "@latchkey/server";

import { openDatabaseFolder, openDataFolder } from "./data-folder.ts";
import type { HttpLimits } from "./http-limits.ts";
import type { Listener, ListenOptions } from "./listen.ts";
import { listen } from "./listen.ts";
import type { ObservationOptions } from "./observation.ts";
import { openObservation } from "./observation.ts";
import type { LogFormat } from "./logger.ts";
import { createLogger } from "./logger.ts";
import { openMailer } from "./open-mailer.ts";
import { openStore } from "./open-store.ts";
import { logRequest } from "./request-log.ts";

/** A ready-made authority: one process, one folder. */
export interface ServeOptions extends Omit<
  AuthServerOptions,
  "store" | "masterSecret" | "issuer" | "logger" | "mail" | "observer"
> {
  readonly observation?: ObservationOptions | undefined;
  readonly port: number;
  readonly hostname: string;
  /** Default: `http://localhost:<port>`. */
  readonly issuer?: string | undefined;
  /** Holds the database and, unless given from outside, the master secret. */
  readonly dataPath: string;
  readonly masterSecret?: MasterSecret | readonly MasterSecret[] | undefined;
  /** PostgreSQL in place of the database in the folder, for example `postgres://user:password@host/database`. */
  readonly databaseUrl?: string | undefined;
  /** Redis or Valkey for the sessions, for example `redis://host`. */
  readonly redisUrl?: string | undefined;
  /** Pages that mailed links lead to; without them no mail is sent. */
  readonly mailLinks?: MailOptions["links"] | undefined;
  /** Without a server, mails are files in the data folder. */
  readonly smtpUrl?: string | undefined;
  /** Who mails are from. */
  readonly mailFrom?: string | undefined;
  /** pino's level. */
  readonly logLevel: string;
  readonly logFormat?: LogFormat | undefined;
  /** Whether each request is a line of the log, at the level `info`. Default: no. */
  readonly logRequests?: boolean | undefined;
  readonly limits?: Partial<HttpLimits> | undefined;
  /** For how long to go on as before once it is to stop, so that load balancers notice, in seconds. Default 0. */
  readonly stopDelaySeconds?: number | undefined;
  /** Answers what the authority does not: pages served beside it, from the same origin. */
  readonly fallback?: (request: Request) => Response | Promise<Response> | undefined;
}

export interface RunningAuthority {
  readonly issuer: string;
  readonly port: number;
  /** Where `/metrics` is answered. */
  readonly metricsPort: number | undefined;
  /** Finishes requests under way, then closes the store. */
  stop(): Promise<void>;
}

/** How often sessions whose time is over are forgotten, in milliseconds. */
const PURGE_INTERVAL_MS = 60_000;

/** Starts an authority and serves it over HTTP. */
export async function serveAuthority(options: ServeOptions): Promise<RunningAuthority> {
  const { port, hostname, dataPath, masterSecret, databaseUrl, redisUrl, logLevel, fallback, ...others } = options;
  const {
    mailLinks,
    smtpUrl,
    mailFrom,
    limits,
    stopDelaySeconds = 0,
    logFormat,
    logRequests = false,
    observation: wanted = {},
    ...authOptions
  } = others;
  const { databasePath, ...folder } =
    masterSecret === undefined
      ? openDataFolder({ path: dataPath })
      : { databasePath: openDatabaseFolder(dataPath), masterSecret };
  const logger = await createLogger({ level: logLevel, format: logFormat });
  const observation = await openObservation(wanted);
  const server = createAuthServer({
    ...authOptions,
    issuer: options.issuer ?? `http://localhost:${port}`,
    store: await openStore({ databasePath, databaseUrl, redisUrl }),
    masterSecret: folder.masterSecret,
    logger,
    ...(observation.observer !== undefined && { observer: observation.observer }),
    ...(mailLinks !== undefined && {
      mail: { mailer: await openMailer({ smtpUrl, mailFrom, dataPath }), links: mailLinks },
    }),
  });
  const listeners: Listener[] = [];
  /** What has been opened would keep the process from ending. */
  const orClose = async <Result>(step: Promise<Result>): Promise<Result> => {
    try {
      return await step;
    } catch (error) {
      await Promise.allSettled(listeners.map((listener) => listener.stop()));
      await Promise.allSettled([server.close()]);
      throw error;
    }
  };
  await orClose(server.ready());

  const answer: ListenOptions["fetch"] =
    fallback === undefined
      ? (request, connection) => server.fetch(request, connection)
      : async (request, connection) => (await fallback(request)) ?? server.fetch(request, connection);
  const logged: ListenOptions["fetch"] = async (request, connection) => {
    const startedAt = performance.now();
    const response = await answer(request, connection);
    const { status } = response;
    logRequest(logger, { request, connection, status, milliseconds: performance.now() - startedAt });
    return response;
  };
  const listening = listen({
    port,
    hostname,
    secure: server.issuer.startsWith("https:"),
    ...(limits !== undefined && { limits }),
    onError: (error) => logger.error({ err: error }, "a request could not be answered"),
    tellsRequestIds: logRequests,
    fetch: logRequests ? logged : answer,
  });
  const listener: Listener = await orClose(listening);
  listeners.push(listener);
  const metricsListener = await orClose(observation.start(server));
  const purging = setInterval(() => {
    server.purgeExpiredSessions().catch((error: unknown) => logger.warn({ err: error }, "could not purge sessions"));
  }, PURGE_INTERVAL_MS);

  return {
    issuer: server.issuer,
    port: listener.port,
    metricsPort: metricsListener?.port,
    async stop() {
      clearInterval(purging);
      server.announceStop();
      await sleep(stopDelaySeconds * 1_000);
      await server.endStreams();
      await listener.stop();
      await metricsListener?.stop();
      await server.close();
    },
  };
}
