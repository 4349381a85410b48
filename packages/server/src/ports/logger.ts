/** What the authority needs of a logger; pino's and console's fit. It is never handed a token, password or cookie. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
