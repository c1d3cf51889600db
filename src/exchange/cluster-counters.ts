/** What a node of a cluster counts. */
export class ClusterCounters {
  /** Items that were sent to other nodes, whether one has clients of their channels or not. */
  itemsSent = 0;
  /** Items that have come from the broker, those of this node that are kept too. */
  itemsReceived = 0;
  /** Items that could not be sent because the broker was away, or was gone for too long. */
  itemsUnsent = 0;
  /** Items that publishers were refused, for their channels have names that cannot be subjects. */
  itemsRefused = 0;
  /** Items that publishers were refused, for they are larger than the broker takes. */
  itemsTooLarge = 0;
  /** Messages on the subjects of the cluster that no node of this version has sent. */
  messagesInvalid = 0;
  /** Subscriptions of clients to channels whose names have no subject. */
  channelsRefused = 0;
  /** Times that the broker was away. */
  partitions = 0;
  /** Channels of which something got lost on its way here. */
  channelsLost = 0;
  /** Clients that were told of a gap because too many were waiting for the broker. */
  readsRefused = 0;
  /** Questions to other nodes, of the control API and of publishers. */
  questions = 0;
  /** Answers of other nodes that were waited for and have not come. */
  answersMissing = 0;
  /** Idempotency keys of which the broker did not say what other nodes know, or that it did not remember. */
  keysUnknown = 0;
  /** Streams that can be resumed, and that were shared with other nodes. */
  streamsShared = 0;
  /** Those of them that other nodes could not have to the end: the broker was too slow or away for too long, or a node has stopped. */
  streamsUnshared = 0;
  /** Clients that got the rest of a stream of another node. */
  streamsViewed = 0;
  /** Clients that did not, because too many were reading such streams. */
  streamViewersRefused = 0;
  /** Times that the broker did not take who is on a channel of this node, so that it was tried again. */
  presenceUnwritten = 0;
  /** Users on channels of which this node does not know, since there are too many. */
  presenceDropped = 0;
  /** Exceptions, which are defects of ours. */
  faults = 0;
}
