/** A folder of files, and how they are served. */
export interface FolderOptions {
  /** The folder. It may be a link, and may be replaced at any time. */
  readonly root: string;
  /** The file for a path that ends in `/`; empty for none. */
  readonly indexFile: string;
  /** Media type of files whose extension is not known. */
  readonly defaultType: string;
  /** Media types by extension, with its dot and in lower case, beside the well-known ones: they come first. */
  readonly types: Readonly<Record<string, string>>;
  /** Seconds for which a file that was looked at counts as unchanged. With 0 each request looks at it. */
  readonly cacheTtl: number;
  /** Whether links that lead out of the folder are followed. Those that stay inside always are. */
  readonly followLinks: boolean;
  /** Value of the field `Server`; empty for none. */
  readonly server: string;
}
