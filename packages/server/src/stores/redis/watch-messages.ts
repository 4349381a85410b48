import type { RedisClient } from "./client.ts";
import { isCluster } from "./client.ts";

/**
 * Calls the listener at every message of a channel, on a connection of its own (a subscribed one can do nothing else), and
 * each time that has been made: nobody knows what was missed before. Through a Cluster client it never does.
 */
export function watchMessages(client: RedisClient, channel: string, listener: () => void): () => void {
  if (isCluster(client)) return () => undefined;
  const subscriber = client.duplicate({
    lazyConnect: true,
    // A subscriber waits in silence, and what it could not send before it was connected is one SUBSCRIBE.
    socketTimeout: undefined,
    enableOfflineQueue: true,
    autoResubscribe: true,
  });
  subscriber.on("error", () => undefined);
  subscriber.on("message", listener);
  subscriber.on("ready", listener);
  subscriber.call("SUBSCRIBE", channel).catch(() => undefined);
  return () => {
    subscriber.off("message", listener);
    subscriber.off("ready", listener);
    subscriber.disconnect();
  };
}
