import { expect } from "vitest";

import type { Mail } from "../../src/index.ts";
import type { TestAuthority } from "../authority.ts";
import { startAuthority } from "../authority.ts";
import { WITH_API_TOKENS } from "./api-token-calls.ts";

/** An authority that serves every route there is. */
export interface FullAuthority {
  readonly authority: TestAuthority;
  /** The token in the newest mail of such a subject, once there is one. */
  readonly mailed: (subject: RegExp) => Promise<string>;
}

const LINKS = {
  verifyEmail: "https://app.example.com/verify",
  resetPassword: "https://app.example.com/reset",
  changeEmail: "https://app.example.com/change",
};

/** A public client of such an authority. */
export const CLIENT = {
  clientId: "shop",
  name: "Shop",
  redirectUris: ["https://shop.example.com/cb"],
  scopes: ["openid", "email", "profile"],
  postLogoutRedirectUris: ["https://shop.example.com/bye"],
};

export async function startFullAuthority(): Promise<FullAuthority> {
  const mails: Mail[] = [];
  const mailer = { send: async (mail: Mail) => void mails.push(mail) };
  const authority = await startAuthority({
    ...WITH_API_TOKENS,
    clients: [CLIENT],
    statusList: true,
    mail: { mailer, links: LINKS },
  });
  return {
    authority,
    async mailed(subject) {
      await expect.poll(() => mails.some((mail) => subject.test(mail.subject))).toBe(true);
      const text = mails.findLast((mail) => subject.test(mail.subject))?.text ?? "";
      return /#token=([\w.-]+)$/m.exec(text)?.[1] ?? "";
    },
  };
}
