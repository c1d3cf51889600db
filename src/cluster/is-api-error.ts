import { JetStreamApiError } from '@nats-io/jetstream';

/** Whether JetStream has answered with an error that has one of these codes. */
export function isApiError(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code);
}
