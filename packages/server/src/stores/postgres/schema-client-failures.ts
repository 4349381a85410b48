/** Nor does one of a client that could not prove who it is: anybody can bring that about. */
export const CLIENT_FAILURES = `
  DROP TRIGGER event_notification ON latchkey.event;
  CREATE TRIGGER event_notification AFTER INSERT ON latchkey.event FOR EACH ROW
    WHEN (NEW.type NOT IN (
      'user_signed_up', 'sign_up_refused', 'user_imported', 'password_screening_skipped', 'signed_in', 'sign_in_failed', 'reauthentication_failed', 'password_reset_requested',
      'refreshed', 'refresh_retried', 'refresh_superseded', 'refresh_refused', 'refresh_rolled_forward', 'device_changed',
      'api_token_created', 'client_authorized', 'client_authentication_failed',
      'audit_purged', 'audit_source_changed'
    ))
    EXECUTE FUNCTION latchkey.notify_of_event();
`;
