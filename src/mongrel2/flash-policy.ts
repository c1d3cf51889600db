/** The reply to `<policy-file-request/>`: Flash clients of all sites may connect (reference §8). It ends with a NUL. */
export const FLASH_POLICY = Buffer.from(
  '<?xml version="1.0"?>' +
    '<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">' +
    '<cross-domain-policy><allow-access-from domain="*" to-ports="*"/></cross-domain-policy>\0',
);
