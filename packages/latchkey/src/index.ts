/**
 * `latchkey`: the ready-made authority, for the command line and for programs that serve pages beside it.
 *
 * @module
 */
export type { DataFolder } from "./data-folder.ts";
export { openDataFolder } from "./data-folder.ts";
export type { HttpLimits } from "./http-limits.ts";
export { DEFAULT_HTTP_LIMITS } from "./http-limits.ts";
export type { Listener, ListenOptions } from "./listen.ts";
export { listen } from "./listen.ts";
export type { RunningAuthority, ServeOptions } from "./serve.ts";
export { serveAuthority } from "./serve.ts";
export { stopOnSignal } from "./shutdown.ts";
