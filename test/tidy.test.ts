import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { test } from 'node:test';

/** Folders of server/ and the folders each may import. A file in place of a folder is that file alone. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: ['base'],
  scim: [],
  store: ['base', 'config'],
  directory: ['base', 'scim', 'store'],
  session: ['base', 'config'],
  tls: ['base', 'config', 'store/store.ts'],
  http: ['base', 'config', 'scim', 'directory', 'session', 'store/store.ts', 'tls'],
  cli: ['base', 'config', 'scim', 'store', 'directory', 'session', 'tls', 'http', 'main.ts'],
  // server/main.ts puts the parts together.
  '.': ['base', 'config', 'scim', 'store', 'directory', 'session', 'tls', 'http'],
};

/** npm packages and the folders that may import them. Node's own modules are free. */
const packages: Readonly<Record<string, readonly string[]>> = {
  'greenlock-express': ['tls/acme'],
  ioredis: ['store/redis'],
  koa: ['http'],
  pino: ['base'],
  'pino-pretty': ['base'],
  'prom-client': ['http'],
};
/** Types alone: how a logger is passed on. */
const typesAnywhere = ['pino'];

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;

interface SourceFile {
  /** Below server/. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
}

const files: readonly SourceFile[] = globSync('server/**/*.{ts,mjs}').map((path) => ({
  path: path.slice('server/'.length),
  folder: path.split('/').length > 2 ? (path.split('/')[1] ?? '') : '.',
  text: readFileSync(path, 'utf8'),
}));

interface Import {
  readonly specifier: string;
  readonly isType: boolean;
}

function importsOf(text: string): Import[] {
  const statements = /^(?:import|export)\b(\s+type\b)?(?:[\w\s{},*$]*?\sfrom)?\s+'([^']+)';/gm;
  const calls = /\b(?:import|require|import\.meta\.resolve|new URL)\(\s*'([^']+)'/g;
  return [
    ...[...text.matchAll(statements)].map(([, type, specifier = '']) => ({
      specifier,
      isType: type !== undefined,
    })),
    ...[...text.matchAll(calls)].map(([, specifier = '']) => ({ specifier, isType: false })),
  ];
}

/** Path below server/ that a `#folder/file.ts` import means. */
function internalPath(specifier: string): string {
  return specifier === '#main' ? 'main.ts' : specifier.slice(1);
}

function importMistake(file: SourceFile, { specifier, isType }: Import): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  if (specifier.startsWith('#')) {
    const target = internalPath(specifier);
    const allowed = mayImport[file.folder] ?? [];
    const isAllowed = allowed.includes(target) || allowed.includes(target.split('/')[0] ?? '');
    return isAllowed ? undefined : `server/${file.folder}/ may not import ${specifier}`;
  }
  if (specifier.startsWith('.')) {
    const target = normalize(`${dirname(file.path)}/${specifier}`);
    const isInside =
      file.folder === '.' ? !target.startsWith('..') : target.startsWith(`${file.folder}/`);
    const isOwnTree = file.path === 'cli/compile-cache.mjs' || file.path === 'cli/op-scim.mjs';
    const isPackageFile = target === '../package.json';
    return isInside || isOwnTree || isPackageFile ? undefined : `${specifier} leaves the folder`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const folders = packages[name] ?? [];
  const isAllowed = folders.some((folder) => file.path.startsWith(`${folder}/`));
  const isFreeType = isType && typesAnywhere.includes(name);
  return isAllowed || isFreeType
    ? undefined
    : `${name} is confined to ${folders.join(', ') || 'nowhere'}`;
}

/** Name and length of each function whose first and last line are as the formatter writes them. */
function functionLengths(text: string): { name: string; lines: number }[] {
  const lines = text.split('\n');
  return lines.flatMap((line, start) => {
    const opening = /^(\s*)(.*[)>\]\w] (?:=> )?)\{$/.exec(line);
    if (opening === null || !startsFunction(lines, start)) return [];
    const indent = opening[1] ?? '';
    const length = lines.slice(start + 1).findIndex((end) => end.startsWith(`${indent}}`)) + 2;
    return [{ name: `${line.trim()} (line ${start + 1})`, lines: length }];
  });
}

/**
 * Whether the block that line `index` opens is the body of a function. A head that the formatter
 * broke over several lines ends in a line that begins with `)`.
 */
function startsFunction(lines: readonly string[], index: number): boolean {
  const line = lines[index] ?? '';
  if (/=> \{$/.test(line)) return true;
  const isBrokenHead = /^\s*\).*\{$/.test(line);
  const indent = /^\s*/.exec(line)?.[0] ?? '';
  const head = isBrokenHead
    ? lines
        .slice(0, index)
        .findLast((each) => each.startsWith(indent) && /^\S/.test(each.slice(indent.length)))
    : line;
  return (
    !/^\s*(?:\} )?(?:if|for|while|switch|catch|else|do|try|class|export class|interface|export interface)\b/.test(
      head ?? '',
    ) && /\)(?:: .*)? \{$/.test(line)
  );
}

function eachFile(name: string, mistakesOf: (file: SourceFile) => readonly string[]): void {
  test(name, () => {
    const mistakes = files.flatMap((file) =>
      mistakesOf(file).map((mistake) => `server/${file.path}: ${mistake}`),
    );
    assert.deepEqual(mistakes, []);
  });
}

/** Comments and the contents of quotes do not count as code. */
function codeOf(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$|'(?:[^'\\\n]|\\.)*'/gm, '');
}

test('sources were found, in each folder of the table', () => {
  assert.ok(files.length > 40, `${files.length} files`);
  const folders = new Set(files.map(({ folder }) => folder));
  assert.deepEqual([...folders].toSorted(), Object.keys(mayImport).toSorted());
  assert.ok(files.flatMap(({ text }) => importsOf(text)).length > files.length);
  assert.ok(files.flatMap(({ text }) => functionLengths(text)).length > files.length);
});

eachFile('imports keep to the table', (file) =>
  importsOf(file.text).flatMap((each) => importMistake(file, each) ?? []),
);

eachFile(`files have at most ${MAX_FILE_LINES} lines`, ({ text }) => {
  const count = text.trimEnd().split('\n').length;
  return count > MAX_FILE_LINES ? [`${count} lines`] : [];
});

eachFile(`functions have at most ${MAX_FUNCTION_LINES} lines`, ({ text }) =>
  functionLengths(text)
    .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
    .map(({ name, lines }) => `${name} has ${lines} lines`),
);

eachFile('the environment is read by config and cli alone', ({ folder, text }) =>
  /\bprocess\.env\b/.test(codeOf(text)) && !['config', 'cli'].includes(folder)
    ? ['process.env']
    : [],
);

eachFile('nothing prints to the console', ({ text }) =>
  /\bconsole\./.test(codeOf(text)) ? ['console'] : [],
);

eachFile(
  'nothing is left to be done',
  ({ text }) => text.match(/\b(?:TODO|FIXME|XXX|HACK)\b/g) ?? [],
);

eachFile('names say what a file is for, in kebab-case', ({ path }) =>
  path
    .split('/')
    .filter(
      (part) =>
        /(?:^|[-.])(?:utils?|helpers?|misc|manager)(?:[-.]|$)/.test(part) ||
        !/^[a-z0-9-]+(?:\.[a-z]+)*$/.test(part),
    ),
);

test('the scanner of functions counts what it should', () => {
  const body = '  work();\n'.repeat(80);
  const longOnes = [
    `function long() {\n${body}}\n`,
    `export async function long(\n  a: string,\n): Promise<void> {\n${body}}\n`,
    `const long = async (a: string): Promise<void> => {\n${body}};\n`,
    `class A {\n  long(a: string): void {\n${body}  }\n}\n`,
  ];
  for (const text of longOnes) {
    assert.ok(
      functionLengths(text).some(({ lines }) => lines === 82),
      text.slice(0, 60),
    );
  }
  assert.deepEqual(functionLengths(`class A {\n${body}}\nconst a = {\n${body}};\n`), []);
});

test('the scanner of imports sees every form', () => {
  const text = `import a from 'a';\nimport type { B } from 'b';\nimport {\n  c,\n} from 'c';\nimport 'd';\nexport { e } from 'e';\nconst f = await import('f');\nimport.meta.resolve('g');\n`;
  assert.deepEqual(
    importsOf(text).map(({ specifier, isType }) => `${specifier}${isType ? ' type' : ''}`),
    ['a', 'b type', 'c', 'd', 'e', 'f', 'g'],
  );
});
