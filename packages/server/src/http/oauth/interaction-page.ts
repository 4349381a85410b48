import type { Answer, Exchange } from "../exchange.ts";
import { requireOAuth } from "./oauth-face.ts";
import type { Page } from "./page.ts";
import { pageAnswer } from "./page.ts";

/** The page that asks users, where their operator has none: it knows nothing, and asks what it shows. */
export async function getInteractionPage({ http }: Exchange): Promise<Answer> {
  requireOAuth(http);
  return pageAnswer(200, PAGE);
}

const MAIN = `
<section id="wait"><h1>One moment…</h1><noscript><p>This page needs JavaScript.</p></noscript></section>
<section id="fault" hidden><h1 tabindex="-1">This does not work</h1><p id="fault-text"></p></section>
<section id="gone" hidden><h1 tabindex="-1">Done</h1><p>You can close this page and go back to the app.</p></section>
<form id="sign-in" hidden>
  <h1 tabindex="-1">Sign in to continue to <span class="client"></span></h1>
  <label>E-mail address <input id="email" type="email" autocomplete="username" required maxlength="254"></label>
  <label>Password <input id="password" type="password" autocomplete="current-password" required maxlength="4096"></label>
  <p id="sign-in-fault" role="alert"></p>
  <div class="actions"><button type="button" class="deny">Cancel</button><button class="main">Sign in</button></div>
</form>
<form id="consent" hidden>
  <h1 tabindex="-1">Let <span class="client"></span> in?</h1>
  <p class="soft">You are signed in as <span id="user"></span>.</p>
  <p><span class="client"></span> will be able to:</p>
  <ul id="scopes"></ul>
  <p class="soft">You can end this at any time, in the list of your sessions.</p>
  <p id="consent-fault" role="alert"></p>
  <div class="actions"><button type="button" class="deny">Deny</button><button class="main">Allow</button></div>
</form>`;

/**
 * Whoever signs in here does so for this one request: the tokens stay in this page's memory, and their session ends with it.
 * Everything is shown as text, whatever it holds.
 */
const SCRIPT = `
"use strict";
const handle = new URLSearchParams(location.hash.slice(1)).get("request") ?? "";
const path = "interaction/" + encodeURIComponent(handle);
const MEANINGS = {
  openid: "know who you are (by an id, not by name)",
  profile: "see your name",
  email: "see your e-mail address",
  offline_access: "go on while you are away",
};
const at = (id) => document.getElementById(id);
let asked;
let session;

function show(step) {
  for (const id of ["wait", "fault", "gone", "sign-in", "consent"]) at(id).hidden = id !== step;
  const first = at(step).querySelector("input:not([value])") ?? at(step).querySelector("h1");
  first.focus();
}

function fail(text) {
  at("fault-text").textContent = text;
  show("fault");
}

async function call(path, body) {
  const response = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    cache: "no-store",
    keepalive: true,
    headers: {
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(session !== undefined && { Authorization: "Bearer " + session.access_token }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

async function decide(decision) {
  const answer = await call(path, { decision });
  if (answer.status === 401) return show("sign-in");
  if (answer.status !== 200) return fail(answer.body.error_description);
  if (session !== undefined) await call("../auth/logout", { refresh_token: session.refresh_token }).catch(() => undefined);
  session = undefined;
  show("gone");
  location.replace(answer.body.redirect_to);
}

async function signIn() {
  const login = { email: at("email").value, password: at("password").value, transport: "body", remember: false };
  session = undefined;
  const answer = await call("../auth/login", login);
  at("password").value = "";
  if (answer.status !== 200) {
    at("sign-in-fault").textContent = answer.body.error_description;
    return at("password").focus();
  }
  session = answer.body;
  if (asked.consent === "never") return decide("allow");
  at("user").textContent = session.user.email;
  show("consent");
}

/** One thing at a time; what goes wrong is said where it went wrong. */
function whileBusy(form, work) {
  return async (event) => {
    event.preventDefault();
    const buttons = document.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    const fault = at(form + "-fault");
    fault.textContent = "";
    try {
      await work();
    } catch {
      fault.textContent = "The server cannot be reached. Try again.";
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  };
}

at("sign-in").addEventListener("submit", whileBusy("sign-in", signIn));
at("consent").addEventListener("submit", whileBusy("consent", () => decide("allow")));
for (const button of document.querySelectorAll(".deny")) {
  button.addEventListener("click", whileBusy(button.form.id, () => decide("deny")));
}
addEventListener("hashchange", () => location.reload());

call(path).then(({ status, body }) => {
  if (handle === "" || status !== 200) return fail("This request is over, or began in another browser. Go back to the app and try again.");
  asked = body;
  for (const name of document.querySelectorAll(".client")) name.textContent = body.client.name;
  for (const scope of body.scope.split(" ").filter(Boolean)) {
    const item = document.createElement("li");
    item.textContent = Object.hasOwn(MEANINGS, scope) ? MEANINGS[scope] : scope;
    at("scopes").append(item);
  }
  if (body.login_hint !== undefined) at("email").setAttribute("value", body.login_hint);
  show("sign-in");
}).catch(() => fail("The server cannot be reached. Try again."));
`;

const PAGE: Page = { title: "Sign in", main: MAIN, script: SCRIPT };
