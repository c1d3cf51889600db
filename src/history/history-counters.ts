/** What a store of items counts. */
export class HistoryCounters {
  itemsHeld = 0;
  channelsHeld = 0;
  /** Bytes of memory: segments, whether their items are still kept or not, and what channels and items cost besides. */
  bytesHeld = 0;
  itemsAppended = 0;
  /** Items that were let go because their channel had newer ones, by the bound that let them go. */
  itemsBeyondNumber = 0;
  itemsBeyondAge = 0;
  itemsBeyondBytes = 0;
  /** Items that were let go because all channels together had too much. */
  itemsBeyondTotal = 0;
  /** Items that are larger than a channel or an item may be, and are not kept. */
  itemsTooLarge = 0;
  /** Channels without items that were forgotten because all channels together had too much. */
  channelsEvicted = 0;
  /** Exceptions in the callers' functions or at the end of a turn. They are defects of ours. */
  faults = 0;
}
