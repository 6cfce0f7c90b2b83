import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { OperatorError } from '#base/operator-error.ts';
import { type LoadedConfig, loadConfig } from '#config/load.ts';
import { isBearerToken, TOKEN_FORM } from '#session/seal.ts';
import { readSmallFile } from '#session/source.ts';
import { checks } from './checks/all.ts';
import type { State } from './checks/check.ts';
import { type Network, openNetwork } from './checks/network.ts';
import { CHECK_MS, type Result, runChecks, withoutSettings } from './checks/run.ts';
import { Subject } from './checks/subject.ts';
import { type Command, type CommandIo, parseOptions, write } from './command.ts';

const USAGE = `op-scim doctor [--output text|json] [--health-token-file FILE|-]

Looks at everything that the bridge needs: settings, session, store, the running bridge, domain and
certificate. Changes nothing: orders no certificate, writes nothing into the store, takes no lease, so
it may run beside a running bridge. It asks DNS for the domain, connects to port 443 of the domain and
reads the directory of the certificate authority. A check is given up after ${CHECK_MS / 1_000} s; all run side by side.

Exit code 0 when nothing failed, 1 when something did, 2 when the settings or the arguments are wrong.
docs/doctor.md says what each check means and what to do.

  --output             text (default), or json: {ok, checks: [{id, title, state, detail, hint, see}]}
  --health-token-file  the health-only token, to ask the running bridge how it is; - reads stdin

On Kubernetes: kubectl exec deploy/op-scim-bridge -- op-scim doctor`;

export const doctor = doctorWith(openNetwork);

/** The command with other ways to reach out, for tests. */
export function doctorWith(open: () => Network, now: () => number = Date.now): Command {
  return {
    name: 'doctor',
    summary: 'Look for what is wrong, from the settings to the certificate; changes nothing',
    usage: USAGE,
    async run(args, io) {
      const options = {
        output: { type: 'string' },
        'health-token-file': { type: 'string' },
      } as const;
      const { values, positionals } = parseOptions(args, options, 'op-scim doctor');
      const output = values.output ?? 'text';
      if (positionals.length > 0 || !['text', 'json'].includes(output)) {
        throw new OperatorError('Say "op-scim doctor", with --output text or json if you like.');
      }
      const healthToken = await readHealthToken(values['health-token-file'], io);
      const settings = readSettings(io.env);
      const results =
        settings.loaded === undefined
          ? withoutSettings(checks, settings.mistakes)
          : await examine(new Subject({ ...settings, healthToken, network: open(), now }));
      await write(io.stdout, output === 'json' ? jsonOf(results) : textReport(results));
      if (settings.loaded === undefined) return 2;
      return isWell(results) ? 0 : 1;
    },
  };
}

async function examine(subject: Subject): Promise<readonly Result[]> {
  try {
    return await runChecks(checks, subject);
  } finally {
    await subject.close();
  }
}

type Settings =
  | { readonly loaded: LoadedConfig; readonly fileMistakes: string | undefined }
  | { readonly loaded: undefined; readonly mistakes: string };

/** Without the files that settings name, much can be looked at all the same. */
function readSettings(env: CommandIo['env']): Settings {
  try {
    return { loaded: loadConfig(env, readFileSync), fileMistakes: undefined };
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    try {
      return { loaded: loadConfig(env), fileMistakes: thrown.message };
    } catch {
      return { loaded: undefined, mistakes: thrown.message };
    }
  }
}

async function readHealthToken(
  file: string | undefined,
  io: CommandIo,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = file === '-' ? await textOf(io.stdin) : readSmallFile(file, 'health token').text;
  const token = text.trim();
  if (isBearerToken(token)) return token;
  throw new OperatorError(
    `What --health-token-file ${file} gives is no bearer token: ${TOKEN_FORM}.`,
  );
}

function isWell(results: readonly Result[]): boolean {
  return results.every(({ state }) => state !== 'failed');
}

function jsonOf(results: readonly Result[]): string {
  const told = results.map((result) => ({ ...result, hint: result.hint ?? remedyFor(result) }));
  return `${JSON.stringify({ ok: isWell(results), checks: told }, undefined, 2)}\n`;
}

/** A program shows no page of docs/doctor.md: it gets what is written there. */
function remedyFor({ id, state }: Result): string | null {
  if (state === 'ok' || state === 'skipped') return null;
  return checks.find((check) => check.id === id)?.remedy ?? null;
}

const MARKS: Readonly<Record<State, string>> = { ok: '√', warning: '‼', failed: '×', skipped: '–' };

function textReport(results: readonly Result[]): string {
  const count = (state: State): number => results.filter((each) => each.state === state).length;
  const sum = `${count('failed')} failed, ${count('warning')} warnings, ${count('ok')} ok, ${count('skipped')} skipped.`;
  return `${printable(joined(results).map(linesOf).join('\n'))}\n\n${sum}\n`;
}

/** Texts of others, such as DNS records, must not steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, '?');
}

/** Neighbours that are skipped for the same reason take one line. */
function joined(results: readonly Result[]): readonly Result[] {
  const lines: Result[] = [];
  for (const result of results) {
    const last = lines.at(-1);
    const isSame = last?.state === 'skipped' && result.state === 'skipped';
    if (isSame && last.detail === result.detail) {
      lines[lines.length - 1] = { ...last, title: `${last.title}, ${result.title}` };
    } else {
      lines.push(result);
    }
  }
  return lines;
}

/** What is well takes one line; else what to do follows. */
function linesOf({ title, state, detail, hint, see }: Result): string {
  const [first = '', ...rest] = detail.split('\n');
  const isWell = state === 'ok' || state === 'skipped';
  const more = [...rest, ...(hint === null ? [] : [hint]), ...(isWell ? [] : [`see ${see}`])];
  return [`${MARKS[state]} ${title}: ${first}`, ...more.map((line) => `    ${line}`)].join('\n');
}
