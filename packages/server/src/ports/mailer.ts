/** A message to one person, in plain text. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Hands messages to whoever delivers them. Messages may hold one-time links: they belong in no log. */
export interface Mailer {
  /** Rejects where the message was not taken. */
  send(mail: Mail): Promise<void>;
}
