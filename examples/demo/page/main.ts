import type { ClientEvent, SignInRequest } from "@latchkey/client";
import { ClientError, createClient } from "@latchkey/client";

import { callApi } from "./api-calls.ts";
import { element, form, setDisabled, show } from "./elements.ts";
import { log } from "./log.ts";
import { showDevices } from "./devices.ts";
import { showSession } from "./session-panel.ts";
import { countTabs } from "./tabs.ts";
import { setUpTheft, showTheft } from "./theft.ts";

const api = document.querySelector<HTMLMetaElement>('meta[name="latchkey-api"]')?.content ?? "";
const client = createClient({ issuer: location.origin, apiOrigins: [api] });

const ENDS = {
  session_ended: "the authority ended this session",
  insufficient_user_authentication: "the authority has seen this session on two devices",
  key_lost: "the key of this session is gone, and nobody can go on with it",
} as const;

/** Of what the page's other client does, the page's own hears as of another tab. */
let isSigningIn = false;

client.subscribe((event) => {
  tell(event);
  if (event.type === "state") render();
  if (event.type === "signed-in" || event.type === "refreshed") void showDevices(client);
});
setInterval(() => showSession(client), 250);
countTabs();

setUpForm();
setUpTheft(client);
onClick("refresh", () => client.refresh());
onClick("signout", () => client.signOut());
onClick("signout-all", () => client.signOutEverywhere());
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-call]")) {
  button.addEventListener("click", () => void callApi(client, api, button.dataset["call"] ?? ""));
}

await client.start();
render();

function render(): void {
  const { status } = client.getState();
  const signedIn = client.getSession() !== undefined;
  const badge = element("status");
  badge.dataset["state"] = status;
  badge.textContent = status === "fresh" ? "signed in" : status.replace("-", " ");
  show("welcome", !signedIn);
  for (const id of ["session", "api", "devices"]) show(id, signedIn);
  // What became of a theft is told after it has ended the session, too.
  show("theft", signedIn || status === "ended");
  setDisabled("steal", !signedIn);
  showTheft(client);
  showSession(client);
}

function tell(event: ClientEvent): void {
  const where = "where" in event && event.where === "another-tab" && !isSigningIn ? ", in another tab" : "";
  switch (event.type) {
    case "signed-in":
      return log(
        `signed in${where}; the session is ${event.session.bound ? "bound to this browser's key" : "unbound"}`,
      );
    case "refreshed":
      return log(`refreshed${where}: generation ${event.session.generation ?? "?"}, a new access token in memory`);
    case "refresh-failed":
      return log(`no answer to a refresh (${event.cause}); again in ${event.retryInSeconds} s. Nothing is lost.`);
    case "signed-out":
      return log(`signed out${where}`);
    case "session-ended":
      return log(`${ENDS[event.reason]}${where}: sign in again`, "bad");
    case "state":
  }
}

function setUpForm(): void {
  const { element: credentials, field, checked, chosen } = form("credentials");
  const problem = element("credentials-problem");

  const signIn = async (): Promise<void> => {
    const request = {
      email: field("email"),
      password: field("password"),
      scope: checked("reports") ? "read:profile read:reports" : "read:profile",
      ...(chosen("life") === "brief" && { audience: `${api}/brief` }),
    };
    if (chosen("binding") === "off") await signInUnbound(request);
    else await client.signIn(request);
    credentials.reset();
  };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    problem.textContent = "";
    try {
      await work();
    } catch (error) {
      problem.textContent = explain(error);
    }
  };

  credentials.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(signIn);
  });
  credentials.querySelector('[name="signup"]')?.addEventListener("click", () => {
    if (!credentials.reportValidity()) return;
    void attempt(async () => {
      await client.signUp({ email: field("email"), password: field("password") });
      log("account created");
      await signIn();
    });
  });
}

/** Clients of one page share the session as tabs do: this one begins it, the page's own goes on with it. */
async function signInUnbound(request: SignInRequest): Promise<void> {
  const other = createClient({ issuer: location.origin, binding: "off" });
  isSigningIn = true;
  try {
    await other.signIn(request);
    await client.start();
  } finally {
    isSigningIn = false;
    other.close();
  }
}

function explain(error: unknown): string {
  if (!(error instanceof ClientError)) throw error;
  if (error.code === "invalid_credentials") {
    return "The e-mail address or the password is wrong. If you have an account already, sign in with its password.";
  }
  return error.reasons?.join(" ") ?? error.message;
}

function onClick(id: string, work: () => Promise<unknown>): void {
  element(id).addEventListener("click", () => {
    work().catch((error: unknown) => log(explain(error), "bad"));
  });
}
