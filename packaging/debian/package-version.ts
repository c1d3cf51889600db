/** Which build a package is of. */
export interface PackageVersion {
  /** As in package.json. */
  readonly program: string;
  /** As Debian orders versions: a pre-release comes before its release. */
  readonly debian: string;
  /** Seconds since 1970 that stand for the time of the build, so that the same sources give the same package. */
  readonly epoch: number;
  /** The day of `epoch`, YYYY-MM-DD. */
  readonly date: string;
}

/** The version of a build. @param program a version of npm */
export function packageVersionOf(program: string, epoch: number): PackageVersion {
  const debian = program.replace('-', '~').replaceAll('-', '.');
  return { program, debian, epoch, date: new Date(epoch * 1000).toISOString().slice(0, 10) };
}

/** Who answers for the package. */
export const MAINTAINER = 'Holdfast Maintainers <maintainers@holdfast.example>';

/** The changelog of the package, in Debian's format. What has changed in the program is in CHANGELOG.md. */
export function changelogFile({ debian, program, epoch }: PackageVersion): string {
  // RFC 5322, as dpkg-parsechangelog reads it.
  const time = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `holdfast (${debian}) stable; urgency=medium

  * Holdfast ${program}; CHANGELOG.md says what has changed.

 -- ${MAINTAINER}  ${time}
`;
}
