import type { CorePorts } from "../core/ports.ts";
import { createBoundFetch } from "./bound-fetch.ts";
import { createKeyStore } from "./key-store.ts";

/**
 * Why a session is bound to no key:
 *
 * - `off`: the client was told so.
 * - `no_web_crypto`: the page is in no secure context, where there are no keys.
 * - `no_key_storage`: there is no IndexedDB here, or it failed.
 * - `begun_unbound`: it began before the page could bind it, or elsewhere, or the authority binds none.
 */
export type UnboundReason = "off" | "no_web_crypto" | "no_key_storage" | "begun_unbound";

/** Of one client. */
export interface BindingSettings {
  readonly issuer: string;
  /** Why a session is not bound, if it is not. With `off` sign-ins bind none; bound ones are served all the same. */
  reason: UnboundReason;
}

const fetches = new WeakMap<BindingSettings, CorePorts["fetch"]>();

/**
 * `fetch`, with the proofs that a request needs. All that has to do with keys and proofs comes with this module, in a file of
 * its own that is fetched after the page's first.
 */
export const sendBound = (
  settings: BindingSettings,
  input: string | Request,
  init: RequestInit | undefined,
): Promise<Response> => {
  let send = fetches.get(settings);
  if (send === undefined) {
    send = openBinding(settings);
    fetches.set(settings, send);
  }
  return send(input, init);
};

function openBinding(settings: BindingSettings): CorePorts["fetch"] {
  const { issuer } = settings;
  const isOff = settings.reason === "off";
  const tell = (reason: UnboundReason): void => {
    if (!isOff) settings.reason = reason;
  };
  if (!isSecureContext) tell("no_web_crypto");
  return createBoundFetch({
    issuer,
    fetch: (input, init) => fetch(input, init),
    keys: isSecureContext ? createKeyStore(`latchkey ${issuer}`) : undefined,
    bindsSignIns: !isOff,
    tellNoStorage: () => tell("no_key_storage"),
  });
}
