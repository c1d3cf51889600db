export { FilesCounters } from './files-counters.ts';
export type { FolderOptions } from './folder-options.ts';
export { mediaTypeOf } from './media-types.ts';
export type { ServedFolder } from './served-folder.ts';
export { StaticFiles, type StaticFilesOptions } from './static-files.ts';
