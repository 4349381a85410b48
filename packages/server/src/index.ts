/**
 * `@latchkey/server`: the authority. `createAuthServer(options).fetch(request)` answers everything.
 *
 * @module
 */
export type { Argon2Costs, Argon2HasherOptions } from "./adapters/argon2-hasher.ts";
export { createArgon2Hasher, DEFAULT_ARGON2_COSTS, isPasswordHash } from "./adapters/argon2-hasher.ts";
export type { PwnedPasswordsOptions } from "./adapters/pwned-passwords.ts";
export { createPwnedPasswords } from "./adapters/pwned-passwords.ts";
export type { AuthServer, AuthServerUsers, ServerLoad } from "./create-auth-server.ts";
export type { AuditEntry, AuditListQuery, AuditLog } from "./audit/audit-log.ts";
export { createAuditLog } from "./audit/audit-log.ts";
export type { AuditFault, AuditIntact, AuditVerdict } from "./audit/verify-chain.ts";
export type { AuditFilter } from "./ports/audit-store.ts";

export { createAuthServer } from "./create-auth-server.ts";
export { AuthError, ConfigurationError, KeyServiceError } from "./errors.ts";
export type { ForeignAccount } from "./flows/import-accounts.ts";
export { importAccounts } from "./flows/import-accounts.ts";
export { deleteUser, disableUser, enableUser } from "./flows/manage-user.ts";
export type { ApiToken } from "./domain/api-token.ts";
export { listUserApiTokens, revokeApiToken, revokeUserApiTokens } from "./flows/operate-api-tokens.ts";
export { setRoles } from "./flows/set-roles.ts";
export { unlockPassword } from "./flows/unlock-password.ts";
export type { KeyDescription } from "./keys/key-changes.ts";
export { listKeys, revokeKey, rotateKeys } from "./keys/key-changes.ts";
export { createKeySealer, decodeMasterSecret, openKeySealer } from "./keys/master-secret.ts";
export { resealKeys } from "./keys/reseal-keys.ts";
export type { ConnectionInfo } from "./http/transport-security.ts";
export type { PlainRefusal } from "./http/plain-refusal.ts";
export { plainRefusal } from "./http/plain-refusal.ts";
export type { CookieSession } from "./http/authenticate-cookie.ts";
export type {
  ApiTokenOptions,
  AudienceOptions,
  AuthServerOptions,
  HookOptions,
  KeyOptions,
  MailOptions,
  PasswordOptions,
  RateLimitOptions,
  ResourceServerOptions,
  StatusListSettings,
  WebhookOptions,
} from "./auth-server-options.ts";
export type { ClientOptions, ClientSecret, OAuthOptions } from "./client-options.ts";
export type {
  Authorization,
  AuthorizationRequest,
  AuthorizeHook,
  ClaimsHook,
  CustomClaims,
  SessionFacts,
} from "./ports/hooks.ts";
export type { Credentials, OwnUser, OwnUsers } from "./ports/own-users.ts";
export type { Denylist } from "./ports/denylist.ts";
export type { KeySealer, SealContext } from "./ports/key-sealer.ts";
export type { KeyWrapper, MasterSecret, SecretProvider } from "./ports/master-secret.ts";
export { EVENT_TYPES, isEventType } from "./domain/event.ts";
export type { Place } from "./domain/place.ts";
export type { Locate } from "./ports/locate.ts";
export type { Logger } from "./ports/logger.ts";
export type { PointCount, RateLimit, RateLimiter, TakenPoint } from "./ports/rate-limiter.ts";
export type { Mail, Mailer } from "./ports/mailer.ts";
export type { PasswordHasher } from "./ports/password-hasher.ts";
export type { PasswordScreening } from "./ports/password-screening.ts";
export type { ServiceKey, SigningService } from "./ports/signing-service.ts";
export type { Store } from "./ports/store.ts";
export { createFileSecret, readSecretFile } from "./adapters/secret-file.ts";
export type { ObservedAnswer, ObservedRequest, Observer, Occurrence, RefreshVerdictName } from "./ports/observer.ts";
export { combineObservers } from "./adapters/combined-observers.ts";
export { createFolderMailer } from "./adapters/folder-mailer.ts";
export { createMemoryRateLimiter } from "./adapters/flexible-rate-limiter.ts";
export { DEFAULT_RATE_LIMITS } from "./flows/rate-limits.ts";
export { createSqliteStore } from "./stores/sqlite/index.ts";
