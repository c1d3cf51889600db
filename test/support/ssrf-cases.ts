import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GuardRules } from '../../src/net/index.ts';

/** Where an input stands, and under which rules its verdict holds. */
interface SsrfCase {
  /** File name of the document below `test/cases/ssrf`, whose README explains the notation. */
  readonly document: string;
  /** Line of the input itself. */
  readonly line: number;
  /** The case's heading. */
  readonly title: string;
  readonly rules: GuardRules;
}

/** A host as a URL or `connect-host` names it. */
export interface SsrfHost extends SsrfCase {
  readonly host: string;
  /** It can stand in a URL too. */
  readonly inUrl: boolean;
  readonly verdict: 'denied' | 'allowed' | 'refused';
  /** What it means: a name, or an address without brackets; null when it is refused. */
  readonly canonical: string | null;
}

/** A whole URL. `urlWith` puts the port into it. */
export interface SsrfUrl extends SsrfCase {
  readonly url: string;
  readonly verdict: 'denied' | 'allowed' | 'refused';
  /** The host in canonical form; null when it is refused. */
  readonly canonical: string | null;
}

/** The Location field of a redirect from `REDIRECT_BASE`. `urlWith` puts the port into it. */
export interface SsrfLocation extends SsrfCase {
  readonly location: string;
  readonly verdict: 'denied' | 'harmless';
  /** The host that it leads to, in canonical form; null when it is harmless. */
  readonly canonical: string | null;
}

/** What DNS answers to look-ups of a name, one after the other. */
export interface SsrfAnswers extends SsrfCase {
  readonly name: string;
  /** `allowed` are those of the addresses that may be dialled. */
  readonly lookUps: readonly { readonly addresses: readonly string[]; readonly allowed: readonly string[] }[];
}

/** All cases, in the order of the documents. */
export interface SsrfCorpus {
  readonly hosts: readonly SsrfHost[];
  readonly urls: readonly SsrfUrl[];
  readonly locations: readonly SsrfLocation[];
  readonly answers: readonly SsrfAnswers[];
}

/** The policy of all documents but `rules.md`. */
export const INTERNAL_DENIED: GuardRules = { defaultPolicy: 'allow', allow: [], deny: [], denyInternal: true };

/** What redirects come from: a URL of a host with a public address. */
export const REDIRECT_BASE = 'http://good.test/start';

/**
 * The cases under the policy `internal`; with `rules.md` those of that document instead, which each have rules of their own.
 * @throws Error naming document and line for anything that is not in the notation
 */
export function readSsrfCases(which: 'internal' | 'rules.md' = 'internal'): SsrfCorpus {
  const folder = fileURLToPath(new URL('../cases/ssrf/', import.meta.url));
  const documents = readdirSync(folder).filter((file) => file.endsWith('.md'));
  const corpora = documents
    .sort()
    .filter((file) => (file === 'rules.md') === (which === 'rules.md'))
    .map((file) => parseSsrfDocument(file, readFileSync(folder + file, 'utf8')));
  return {
    hosts: corpora.flatMap(({ hosts }) => hosts),
    urls: corpora.flatMap(({ urls }) => urls),
    locations: corpora.flatMap(({ locations }) => locations),
    answers: corpora.flatMap(({ answers }) => answers),
  };
}

/**
 * A URL or Location of a case with the port in the place of PORT, and with `scheme` in place of `http` where it begins with `http:` in
 * any case.
 */
export function urlWith(text: string, port: number, scheme: 'http' | 'https' | 'ws' | 'wss' = 'http'): string {
  return text.replaceAll('PORT', String(port)).replace(/^http(?=:)/i, (own) => (scheme === 'http' ? own : scheme));
}

/** A URL for a host of a case that is `inUrl`. */
export function urlOf({ host }: SsrfHost, port: number, scheme: 'http' | 'https' | 'ws' | 'wss' = 'http'): string {
  return `${scheme}://${host}:${port}/`;
}

/**
 * The cases of one document's text.
 * @throws Error naming document and line for anything that is not in the notation
 */
export function parseSsrfDocument(document: string, text: string): SsrfCorpus {
  const corpus = {
    hosts: [] as SsrfHost[],
    urls: [] as SsrfUrl[],
    locations: [] as SsrfLocation[],
    answers: [] as SsrfAnswers[],
  };
  const lines = text.split('\n');
  let title: string | null = null;
  let rules = INTERNAL_DENIED;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    const at = (index: number) => `${document}:${index + 1}`;
    if (line.startsWith('#')) {
      title = line.startsWith('### ') ? line.slice(4) : null;
      rules = INTERNAL_DENIED;
    } else if (line.startsWith('```')) {
      const end = lines.indexOf('```', i + 1);
      if (end < 0) throw new Error(`${at(i)}: the block does not end`);
      if (title === null) throw new Error(`${at(i)}: the block belongs to no case`);
      for (let index = i + 1; index < end; index++) {
        const where = { document, line: index + 1, title, rules };
        try {
          addInput(corpus, line.slice(3), where, lines[index] as string);
        } catch (error) {
          throw new Error(`${at(index)}: ${(error as Error).message}`);
        }
      }
      i = end;
    } else if (title !== null && line.startsWith('- ')) {
      rules = withOption(rules, line.slice(2), at(i));
    }
  }
  return corpus;
}

interface Draft {
  readonly hosts: SsrfHost[];
  readonly urls: SsrfUrl[];
  readonly locations: SsrfLocation[];
  readonly answers: SsrfAnswers[];
}

function addInput(corpus: Draft, kind: string, where: SsrfCase, line: string): void {
  switch (kind) {
    case 'hosts denied':
    case 'hosts allowed':
    case 'hosts refused':
    case 'connect-hosts denied':
    case 'connect-hosts refused': {
      const verdict = verdictOf(kind) as SsrfHost['verdict'];
      const [host, canonical] = parts(line, verdict !== 'refused');
      corpus.hosts.push({ ...where, host, inUrl: kind.startsWith('hosts'), verdict, canonical });
      break;
    }
    case 'urls denied':
    case 'urls allowed':
    case 'urls refused': {
      const verdict = verdictOf(kind) as SsrfUrl['verdict'];
      const [url, canonical] = parts(line, verdict !== 'refused');
      corpus.urls.push({ ...where, url, verdict, canonical });
      break;
    }
    case 'locations denied':
    case 'locations harmless': {
      const verdict = verdictOf(kind) as SsrfLocation['verdict'];
      const [location, canonical] = parts(line, verdict === 'denied');
      corpus.locations.push({ ...where, location, verdict, canonical });
      break;
    }
    case 'answers': {
      const match = /^(\S+): (.+)$/.exec(line);
      if (match === null) throw new Error('expected NAME: ANSWERS');
      corpus.answers.push({
        ...where,
        name: match[1] as string,
        lookUps: (match[2] as string).split('; ').map(lookUp),
      });
      break;
    }
    default:
      throw new Error(`no kind of block: ${kind}`);
  }
}

function verdictOf(kind: string): string {
  return kind.slice(kind.indexOf(' ') + 1);
}

/** Input and, behind the arrow, what it means. */
function parts(line: string, hasMeaning: boolean): [string, string | null] {
  const [input = '', meaning, ...rest] = line.split(' -> ');
  if ((meaning !== undefined) !== hasMeaning || rest.length > 0 || input === '') {
    throw new Error(hasMeaning ? 'expected INPUT -> MEANING' : 'expected an input alone');
  }
  return [unescapeInput(input), meaning ?? null];
}

function lookUp(text: string): SsrfAnswers['lookUps'][number] {
  const [answered = '', allowed, ...rest] = text.split(' -> ');
  if (allowed === undefined || rest.length > 0) throw new Error('expected ADDRESSES -> ADDRESSES');
  return { addresses: answered.split(', '), allowed: allowed === 'none' ? [] : allowed.split(', ') };
}

function withOption(rules: GuardRules, option: string, at: string): GuardRules {
  const colon = option.indexOf(': ');
  const [key, value] = [option.slice(0, colon), option.slice(colon + 2)];
  if (key === 'allow' || key === 'deny') return { ...rules, [key]: value.split(', ') };
  if (option === 'default: deny') return { ...rules, defaultPolicy: 'deny' };
  if (option === 'internal: allowed') return { ...rules, denyInternal: false };
  throw new Error(`${at}: no option: ${option}`);
}

const CHARACTERS: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n', s: ' ', '\\': '\\' };

function unescapeInput(text: string): string {
  // What is not to be seen has to be escaped, and so has the space.
  const part = /\\(?:([trns\\])|u\{([0-9a-f]{1,6})\})|(?!\\)[\p{L}\p{N}\p{P}\p{S}\p{M}]/uy;
  let result = '';
  while (part.lastIndex < text.length) {
    const from = part.lastIndex;
    const match = part.exec(text);
    if (match === null) throw new Error(`not in the notation: ${text.slice(from, from + 20)}`);
    const [whole, char, hex] = match;
    if (char !== undefined) result += CHARACTERS[char];
    else result += hex === undefined ? whole : String.fromCodePoint(Number.parseInt(hex, 16));
  }
  return result;
}
