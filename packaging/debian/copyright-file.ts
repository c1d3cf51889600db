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

/** The copyright file: the license of Holdfast, and those of the packages that are in it. */
export function copyrightFile(licenses: string): string {
  return `${OWN}\n${licenses.replaceAll('\r', '')}`;
}
