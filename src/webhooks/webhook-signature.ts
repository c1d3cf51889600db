import { createHmac } from 'node:crypto';

/** Begins a secret as text; the key follows in base64. */
const SECRET_PREFIX = 'whsec_';

/** The fields that a receiver checks (Standard Webhooks 1.0, "Webhook metadata" and "Signature scheme"). */
export function signatureFields(secret: string, id: string, seconds: number, body: Buffer): readonly string[] {
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64');
  return ['webhook-id', id, 'webhook-timestamp', String(seconds), 'webhook-signature', `v1,${signature}`];
}
