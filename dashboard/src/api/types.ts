// What the control API says, by the schemas that its operations are described with.
import type { Session } from '../../../src/control/session-schema.ts';

export type { Channel, ChannelDetails, ChannelPage, TappedItem } from '../../../src/control/channel-schema.ts';
export type { HistoryItem, HistoryPage } from '../../../src/control/history-schema.ts';
export type { ClusterNodes } from '../../../src/control/node-schema.ts';
export type { PresencePage } from '../../../src/control/presence-schema.ts';
export type { RouteState } from '../../../src/control/route-schema.ts';
export type { Errors, Handlers, Outbound, ReloadErrors, Reloaded } from '../../../src/control/server-schema.ts';
export type { Status } from '../../../src/control/status-schema.ts';
export type { Session };

/** What somebody may do. */
export type Role = NonNullable<Session['role']>;
