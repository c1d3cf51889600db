import type { CertificateSource } from './certificate-folders.ts';

const DAY = 86_400_000;

/** Days before the end of a certificate from which it is worth a warning. */
const SOON = 14;

/** The part of its lifetime that the server has left over for further tries, where renewing fails: it begins when a third is left. */
const LATE = 1 / 6;

/** When a certificate is valid, in milliseconds since 1970. */
interface Validity {
  readonly from: number;
  readonly to: number;
}

/** A certificate, and when it is valid. */
export interface CertificateExpiry extends Validity {
  /** That of its files, without the extension, or the one that it was set or ordered for. */
  readonly name: string;
  readonly source: CertificateSource;
}

/** Whether somebody should look after a certificate. Those that the server renews may be made for a few days only. */
export function expiresSoon({ source, from, to }: Omit<CertificateExpiry, 'name'>, now: number): boolean {
  const time = source === 'acme' ? Math.min(SOON * DAY, (to - from) * LATE) : SOON * DAY;
  return to - now < time;
}

/** Whole days until a time. */
export function daysUntil(time: number, now: number): number {
  return Math.floor((time - now) / DAY);
}
