import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog } from '#base/log.ts';
import { releaseStartUpMemory } from '#base/memory.ts';
import { OperatorError } from '#base/operator-error.ts';
import { makeProcessPrivate } from '#base/private-process.ts';
import { type Environment, loadConfig } from '#config/load.ts';
import { startBridge } from '#main';
import { createSession } from '#session/seal.ts';
import { type Command, type CommandIo, parseOptions, write } from './command.ts';
import { createSessionFile } from './session-file.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'Run the bridge, set by OP_* variables',
  usage: [
    'op-scim serve [--newcomer]',
    '',
    '  Runs the bridge until SIGTERM. Settings come from OP_* variables: see docs/config.md and',
    '  "op-scim config". Ends with exit code 2 when a setting is wrong or the session is missing.',
    '',
    '  --newcomer   listens on 127.0.0.1 and makes a standalone session in ./.op-scim if there is',
    '               none: what "npm start" does',
  ].join('\n'),
  async run(args, io) {
    const { values } = parseOptions(args, { newcomer: { type: 'boolean' } }, 'op-scim serve');
    const uncovered = makeProcessPrivate();
    const newcomer = values.newcomer === true && io.env['OP_SESSION'] === undefined;
    const welcome = newcomer ? await prepareNewcomer(io.env) : undefined;
    const { config, warnings } = loadConfig(welcome?.env ?? io.env, readFileSync);
    const log = createLog(config);
    for (const warning of warnings) log.warn(warning);
    if (uncovered !== undefined) log.warn(uncovered);
    const bridge = await startBridge({ config, log, version: await packageVersion() });
    if (welcome !== undefined) await greet(io, bridge.url, welcome);
    releaseStartUpMemory();
    await untilAsked();
    await bridge.close();
    return 0;
  },
};

interface Welcome {
  readonly env: Environment;
  /** Only when the session was made just now: it is stored nowhere. */
  readonly bearerToken: string | undefined;
  readonly sessionPath: string;
}

const NEWCOMER_FOLDER = '.op-scim';

async function prepareNewcomer(env: Environment): Promise<Welcome> {
  const folder = join(process.cwd(), NEWCOMER_FOLDER);
  const sessionPath = join(folder, 'scimsession');
  const settings = { OP_LISTEN: '127.0.0.1', ...env, OP_SESSION: sessionPath };
  if (existsSync(sessionPath)) return { env: settings, bearerToken: undefined, sessionPath };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { session, bearerToken } = createSession({
    payload: { kind: 'standalone' },
    // Always the same: a session made anew, after the token was lost, opens the same directory.
    accountId: 'standalone',
    domain: '',
    strict: false,
    nowMs: Date.now(),
  });
  await createSessionFile(sessionPath, session);
  return { env: settings, bearerToken, sessionPath };
}

async function greet(io: CommandIo, url: string, welcome: Welcome): Promise<void> {
  const { bearerToken, sessionPath } = welcome;
  const token = bearerToken ?? '<your bearer token>';
  const lines =
    bearerToken === undefined
      ? [
          `The session is ${sessionPath}; its bearer token was shown when it was made.`,
          `Lost it? Delete that file and start again: a new token opens the same directory.`,
        ]
      : [`Bearer token, shown this once (keep it): ${bearerToken}`];
  await write(
    io.stdout,
    [
      '',
      `op-scim serves SCIM 2.0 on ${url}`,
      ...lines,
      'Try it:',
      `  curl -H 'Authorization: Bearer ${token}' ${url}/scim/Users`,
      '',
      '',
    ].join('\n'),
  );
}

async function packageVersion(): Promise<string> {
  const path = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version?: unknown }; // Our own file.
  if (typeof version !== 'string') throw new OperatorError('package.json has no version.');
  return version;
}

function untilAsked(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
