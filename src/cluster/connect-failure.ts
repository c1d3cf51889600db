/** Why a broker could not be connected to. */
export interface ConnectFailure {
  /** What is wrong, and what to do. */
  readonly reason: string;
  /** Whether it may be different a moment later: the broker starts, or is away. */
  readonly mayPass: boolean;
}

/** Errors of Node about the certificate of the broker (OpenSSL's X509_V_ERR_…). */
const UNTRUSTED = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why the library of NATS could not connect. @param hasAccess whether the node says who it is */
export function connectFailure(error: unknown, hasAccess: boolean): ConnectFailure {
  const { name, message, code = '' } = error as Error & { readonly code?: string };
  const lasting = (reason: string): ConnectFailure => ({ reason, mayPass: false });
  if (name === 'AuthorizationError' || name === 'UserAuthenticationExpiredError') {
    const advice = hasAccess
      ? 'correct user and password, token or credentials under [cluster]'
      : 'it wants to know who this node is: set user and password, token or credentials under [cluster]';
    return lasting(`${message}: ${advice}`);
  }
  if (UNTRUSTED.has(code)) {
    return lasting(
      `${message}: set ca under [cluster] to the certificate of the authority that vouches for the broker`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return lasting(`${message}: write its name in nats as its certificate has it`);
  if (message.includes("does not support 'tls'")) {
    return lasting('it has no TLS: turn that on there, or leave out tls://, ca and cert under [cluster]');
  }
  if (name === 'TimeoutError') {
    return {
      reason:
        'no answer in time: it may be stopped, or wants a certificate of this node (cert and key under [cluster])',
      mayPass: true,
    };
  }
  return { reason: message, mayPass: name === 'ConnectionError' || code.startsWith('E') };
}
