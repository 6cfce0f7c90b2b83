import { errorCode } from '#base/error-code.ts';
import { OperatorError } from '#base/operator-error.ts';
import { combinationMistakes, combinationWarnings } from './combinations.ts';
import type { Option } from './option.ts';
import { type Config, type OptionName, options } from './options.ts';
import { isServiceLink, unknownNameWarnings } from './unknown-names.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadedConfig {
  readonly config: Config;
  /** Sentences for the log: old names, unknown names, settings without effect. */
  readonly warnings: readonly string[];
  /** The variable that each setting came from; undefined: it is the fallback. */
  readonly sources: Readonly<Record<OptionName, string | undefined>>;
}

/**
 * Reads all settings. Throws one OperatorError that lists every mistake. With `readFile`, files
 * that settings name are read once, so that a missing one is among the mistakes.
 */
export function loadConfig(env: Environment, readFile?: (path: string) => unknown): LoadedConfig {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  const values: Record<string, unknown> = {};
  const sources: Record<string, string | undefined> = {};
  for (const [name, option] of Object.entries<Option<unknown>>(options)) {
    const found = find(option, env);
    mistakes.push(...found.mistakes);
    warnings.push(...found.warnings);
    const readable = readFile === undefined ? [] : fileMistakes(option, found, readFile);
    mistakes.push(...readable);
    values[name] = found.value;
    sources[name] = found.source;
  }
  // The loop above filled in every name of the table, each by its own parser.
  const config = Object.freeze(values) as Config;
  mistakes.push(...combinationMistakes(config));
  const unknownNames = unknownNameWarnings(env);
  if (mistakes.length > 0) throw mistakesError(mistakes, unknownNames);
  warnings.push(...combinationWarnings(config), ...unknownNames);
  // As above.
  return { config, warnings, sources: Object.freeze(sources) as LoadedConfig['sources'] };
}

interface Found {
  readonly value: unknown;
  readonly source: string | undefined;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

function find(option: Option<unknown>, env: Environment): Found {
  const names = [option.env, ...option.aliases, ...option.oldNames];
  const set = names.flatMap((name) => {
    const text = env[name];
    return text === undefined || !counts(option, name, text) ? [] : [{ name, text: text.trim() }];
  });
  const first = set[0];
  if (first === undefined) {
    return { value: option.fallback, source: undefined, mistakes: [], warnings: [] };
  }
  const mistakes: string[] = [];
  const values = set.map(({ name, text }) => {
    const value = option.parser.read(text);
    if (value === undefined) mistakes.push(wrongText(option, name, text));
    return value ?? option.fallback;
  });
  const [value] = values;
  const printed = new Set(values.map((each) => option.parser.print(each)));
  if (mistakes.length === 0 && printed.size > 1) {
    mistakes.push(`${set.map(({ name }) => name).join(' and ')} differ. Set ${option.env} alone.`);
  }
  const warnings = set
    .filter(({ name }) => option.oldNames.includes(name))
    .map(({ name }) => `${name} is the old name of ${option.env}. Rename it.`);
  // Charts and manifests spell fallbacks out.
  const isFallback = option.parser.print(value) === option.parser.print(option.fallback);
  if (option.awaits !== undefined && !isFallback) {
    warnings.push(`${first.name} has no effect yet: it is for ${option.awaits}.`);
  }
  return { value, source: first.name, mistakes, warnings };
}

/** Manifests often set variables to the empty text to say "nothing". */
function counts(option: Option<unknown>, name: string, text: string): boolean {
  if (text.trim() === '') return option.emptyIsSet && name === option.env;
  return !isServiceLink(name, text);
}

function wrongText(option: Option<unknown>, name: string, text: string): string {
  const received =
    option.secret === false
      ? `got ${JSON.stringify(hideUserInfo(text).slice(0, 100))}`
      : `got a text of ${text.length} characters, not shown because it may be secret`;
  return `${name}: ${received}, expected ${option.parser.expected}.`;
}

/** A URL may land in the wrong variable with a password in it. */
function hideUserInfo(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//(hidden)@');
}

function fileMistakes(
  option: Option<unknown>,
  found: Found,
  readFile: (path: string) => unknown,
): string[] {
  if (option.parser.isFile !== true || typeof found.value !== 'string') return [];
  try {
    readFile(found.value);
    return [];
  } catch (thrown) {
    const reason = errorCode(thrown) ?? 'failed';
    const path = JSON.stringify(found.value);
    return [
      `${found.source ?? option.env}: ${path} can not be read (${reason}), expected ${option.parser.expected}.`,
    ];
  }
}

/** A name that nothing reads is no mistake, and may be why another is missing. */
function mistakesError(
  mistakes: readonly string[],
  unknownNames: readonly string[],
): OperatorError {
  const count = mistakes.length === 1 ? '1 setting is' : `${mistakes.length} settings are`;
  const lines = [...mistakes, ...unknownNames].map((each) => `  ${each}`).join('\n');
  return new OperatorError(
    `${count} wrong:\n${lines}\nMend them and start again; docs/config.md explains each.`,
    { exitCode: 2 },
  );
}
