export { decode, type TnetstringMap, type TnetstringValue } from './decode.ts';
export { ElementReader } from './element-reader.ts';
export { encode, type TnetstringInput } from './encode.ts';
export { KeyTable } from './key-table.ts';
export { integerElement, MapWriter, PIECE_BYTES } from './map-writer.ts';
export { BYTES, INTEGER, LIST, MAP } from './marks.ts';
export { TextCache } from './text-cache.ts';
export { TnetstringError } from './tnetstring-error.ts';
export { DEFAULT_TNETSTRING_LIMITS, type TnetstringLimits } from './tnetstring-limits.ts';
