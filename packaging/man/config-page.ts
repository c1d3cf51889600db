import { configReference } from '../../src/config/index.ts';
import { roffOfMarkdown } from './markdown-page.ts';
import { type PageSource, roffTitle } from './roff.ts';

/** The man page `holdfast.toml(5)`, from the same schema as the reference. */
export function configPage(source: PageSource): string {
  const head = [
    roffTitle('holdfast.toml', 5, source),
    '.SH NAME',
    'holdfast.toml \\- configuration of Holdfast',
    '.SH DESCRIPTION',
  ];
  const tail = ['.SH SEE ALSO', '.BR holdfast (1),', '.BR holdfast\\-check (1)'];
  return `${[...head, roffOfMarkdown(configReference()), ...tail].join('\n')}\n`;
}
