import type { ErrorCode } from '../exchange/index.ts';
import type { DialErrorKind } from '../net/index.ts';

/** The catalogue code for each kind of dial error. */
export const DIAL_CODES: Readonly<Record<DialErrorKind, ErrorCode>> = {
  resolve: 'HF_ORIGIN_UNREACHABLE',
  policy: 'HF_POLICY_VIOLATION',
  unreachable: 'HF_ORIGIN_UNREACHABLE',
  descriptors: 'HF_OPEN_FILES',
  timeout: 'HF_ORIGIN_CONNECT_TIMEOUT',
  tls: 'HF_ORIGIN_TLS',
};
