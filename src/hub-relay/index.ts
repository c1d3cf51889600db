export { ForwardingPublisher } from './forwarding-publisher.ts';
export { HubLink, type LinkedHub, type MarkOwner } from './hub-link.ts';
export { HubRelay, type HubRelayOptions } from './hub-relay.ts';
export { LocalEnd } from './relay-port.ts';
export { RelayedHub } from './relayed-hub.ts';
export { partsOf, type RouterPart, SequenceReader } from './router-part.ts';
export type { StorePart } from './store-packet.ts';
