import type { LoadedConfig } from './load.ts';
import type { Option } from './option.ts';
import { type OptionName, options, sections } from './options.ts';

/** One setting as it holds now, fit to be shown: secrets are masked. */
export interface DescribedSetting {
  readonly name: string;
  /** The text that stands for the value; undefined when there is none. */
  readonly value: string | undefined;
  /** The variable it came from, or `default`. */
  readonly source: string;
}

/** The effective settings in the order of the table. */
export function describeConfig(loaded: LoadedConfig): readonly DescribedSetting[] {
  return optionNames().map((name) => {
    const option: Option<unknown> = options[name];
    const value = loaded.config[name];
    const source = loaded.sources[name];
    return {
      name: option.env,
      value: value === undefined ? undefined : shownText(option, value, source !== undefined),
      source: source ?? 'default',
    };
  });
}

/** For `op-scim config`: one line a setting, in columns. */
export function configText(settings: readonly DescribedSetting[]): string {
  const nameWidth = Math.max(...settings.map(({ name }) => name.length));
  const lines = settings.map(({ name, value, source }) => {
    const from = source === 'default' || source === name ? source : `${source} (other name)`;
    const shown = value === '' ? '(empty)' : (value ?? '(unset)');
    return `${name.padEnd(nameWidth)}  ${shown}  [${from === name ? 'set' : from}]`;
  });
  return `${lines.join('\n')}\n`;
}

/** For `op-scim config --output json`: an array of `{name, value, source}`, value null when unset. */
export function configJson(settings: readonly DescribedSetting[]): string {
  const rows = settings.map((setting) => ({ ...setting, value: setting.value ?? null }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}

/** The text of docs/config.md. */
export function configReference(): string {
  const parts = Object.entries(sections).map(([title, section]) => {
    const rows = Object.values<Option<unknown>>(section).map(referenceRow);
    return `## ${title}\n\n| Variable | Default | Meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `${INTRODUCTION}\n${parts.join('\n')}`;
}

const INTRODUCTION = `# Settings

<!-- Made by \`npm run generate\` from server/config/. Edits here are lost. -->

The bridge reads its settings from the environment. \`op-scim config\` shows those in force and where
each came from, with secrets hidden. A wrong setting stops the start with exit code 2, and all wrong
ones are named at once. A variable set to the empty text counts as unset, but for \`OP_TLS_DOMAIN\`.
`;

function referenceRow(option: Option<unknown>): string {
  const others = [...option.aliases, ...option.oldNames].map((name) => `\`${name}\``);
  const names = [`\`${option.env}\``, ...others].join('<br>or ');
  const fallback = option.fallback === undefined ? '' : option.parser.print(option.fallback);
  const isSecret = option.secret === true ? ' Secret.' : '';
  const effect =
    option.awaits === undefined ? '' : ` **No effect yet:** it is for ${option.awaits}.`;
  const meaning = `${option.help} Expected: ${option.parser.expected}.${isSecret}${effect}`;
  return `| ${names} | ${fallback === '' ? '–' : `\`${fallback}\``} | ${meaning.replaceAll('|', '\\|')} |`;
}

/** A fallback is written in the source for all to read; what was set may be secret. */
function shownText(option: Option<unknown>, value: unknown, isSet: boolean): string {
  const text = option.parser.print(value);
  if (option.secret === false || !isSet) return text;
  return option.secret === true ? '(hidden)' : option.secret(text);
}

function optionNames(): OptionName[] {
  // Object.keys forgets that the names are those of the table.
  return Object.keys(options) as OptionName[];
}
