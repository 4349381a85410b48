/** Options of `createAuthServer` and of the stores, as the command line and the environment call them. */
const NAMES: readonly (readonly [option: string, name: string])[] = [
  ["allowedOrigins", "--allow-origin"],
  ["apiTokens", "--api-tokens"],
  ["audiences", "--audience"],
  ["auditRetentionDays", "--audit-retention"],
  ["clients", "LATCHKEY_CLIENTS"],
  ["connectionString", "LATCHKEY_DATABASE_URL"],
  ["issuer", "--issuer"],
  ["keys.publishAheadSeconds", "--key-publish-ahead"],
  ["keys.rotationSeconds", "--key-rotation"],
  ["mail.links.changeEmail", "--change-email-url"],
  ["mail.links.resetPassword", "--reset-password-url"],
  ["mail.links.verifyEmail", "--verify-email-url"],
  ["metrics", "--metrics-port"],
  ["resourceServers", "LATCHKEY_RESOURCE_SERVERS"],
  ["scopes.allowed", "--scope"],
  ["trustedProxies", "--trusted-proxy"],
  ["url", "LATCHKEY_REDIS_URL"],
  ["webhooks", "LATCHKEY_WEBHOOKS"],
];

/**
 * A message that names options, each at the beginning of a line and before a colon, with the names that whoever started
 * `latchkey` has given them by. What comes below an option, as `.0.name`, stays behind the name.
 */
export function withCommandLineNames(message: string): string {
  return message.replaceAll(/^( *)([A-Za-z][\w.]*): /gm, (line, indent: string, option: string) => {
    const known = NAMES.find(([name]) => option === name || option.startsWith(`${name}.`));
    return known === undefined ? line : `${indent}${known[1]}${option.slice(known[0].length)}: `;
  });
}
