const OWN = `Holdfast

Copyright: the authors of Holdfast

License: Apache-2.0

Licensed under the Apache License, Version 2.0 (the "License"); you may not use
these files except in compliance with the License. Unless required by applicable
law or agreed to in writing, software distributed under the License is
distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND,
either express or implied. See the License for the specific language governing
permissions and limitations under the License.

On Debian systems the text of the License is in
/usr/share/common-licenses/Apache-2.0.

The files in /usr/share/nodejs/holdfast/dist/packages, and parts of others in
/usr/share/nodejs/holdfast/dist, come from these packages of npm:
`;

/** Stands between the licenses in `dist/LICENSES`. */
const BETWEEN = `\n${'-'.repeat(80)}\n\n`;

/** The copyright file: the license of Holdfast, and those of the packages that are in it. */
export function copyrightFile(licenses: string): string {
  const parts = licenses.replaceAll('\r', '').split(BETWEEN).map(withCommonLicenses);
  return `${OWN}\n${parts.join(BETWEEN)}`;
}

/** The license of one package. Debian has the texts of the long ones, and of two to choose from the short one is chosen. */
function withCommonLicenses(text: string): string {
  const [heading = ''] = text.split('\n');
  if (heading.endsWith('(Apache-2.0)')) {
    return `${heading}\n\nThe text of the License is in /usr/share/common-licenses/Apache-2.0.\n`;
  }
  const gpl = text.indexOf('GNU GENERAL PUBLIC LICENSE');
  if (gpl < 0) return text;
  if (!heading.includes('BSD-3-Clause OR GPL-2.0')) throw new Error(`${heading}: the GPL is not a license of Holdfast`);
  const chosen = text.slice(0, gpl).replace(/[-\s]+$/, '');
  return `${chosen}\n\nHoldfast takes the BSD License.\n`;
}
