/** What an authentic refresh token says. Forged ones are refused before the rule is asked, so the model has none. */
export interface Token {
  readonly generation: number;
  readonly secret: string;
  readonly expiresAt: number;
}
