import { existsSync, readFileSync } from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createLog } from '#base/log.ts';
import { releaseMemoryWhenIdle } from '#base/memory.ts';
import { OperatorError } from '#base/operator-error.ts';
import { makeProcessPrivate } from '#base/private-process.ts';
import { type Environment, loadConfig } from '#config/load.ts';
import { type BridgeOptions, type RunningBridge, startBridge } from '#main';
import { createSession } from '#session/seal.ts';
import { NEWCOMER_SESSION } from '#session/source.ts';
import { type Command, type CommandIo, parseOptions, write } from './command.ts';
import { createSessionFile } from './session-file.ts';
import { packageVersion } from './version.ts';

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
    const options = { newcomer: { type: 'boolean' } } as const;
    const { values, positionals } = parseOptions(args, options, 'op-scim serve');
    if (positionals.length > 0) {
      throw new OperatorError('Say "op-scim serve" alone: settings come from OP_* variables.');
    }
    const uncovered = makeProcessPrivate();
    const isUnset = (io.env['OP_SESSION'] ?? '').trim() === '';
    const sessionPath = values.newcomer === true && isUnset ? newcomerSession() : undefined;
    const env = sessionPath === undefined ? io.env : newcomerSettings(io.env, sessionPath);
    const { config, warnings } = loadConfig(env, readFileSync);
    const log = createLog(config);
    for (const warning of warnings) log.warn(warning);
    if (uncovered !== undefined) log.warn(uncovered);
    const parts = { config, log, version: await packageVersion() };
    // From here on: a signal that comes during the start must not cut the first requests.
    const asked = untilAsked();
    const bridge =
      sessionPath === undefined
        ? await startBridge(parts)
        : await startForNewcomer(io, sessionPath, parts);
    releaseMemoryWhenIdle();
    await asked;
    await bridge.close();
    return 0;
  },
};

function newcomerSession(): string {
  return resolve(NEWCOMER_SESSION);
}

function newcomerSettings(env: Environment, sessionPath: string): Environment {
  return { ...env, OP_LISTEN: env['OP_LISTEN'] || '127.0.0.1', OP_SESSION: sessionPath };
}

/** Serves with the session at this path. Makes it at the first start, and shows its token then. */
async function startForNewcomer(
  io: CommandIo,
  sessionPath: string,
  options: BridgeOptions,
): Promise<RunningBridge> {
  const bearerToken = existsSync(sessionPath) ? undefined : await makeSession(sessionPath);
  try {
    const bridge = await startBridge(options);
    await greet(io, bridge.url, sessionPath, bearerToken);
    return bridge;
  } catch (thrown) {
    // Nobody has seen the token: the next start has to make a session again.
    if (bearerToken !== undefined) await unlink(sessionPath);
    throw thrown;
  }
}

async function makeSession(sessionPath: string): Promise<string> {
  await mkdir(dirname(sessionPath), { recursive: true, mode: 0o700 });
  const { session, bearerToken } = createSession({
    payload: { kind: 'standalone' },
    // Always the same: a session made anew, after the token was lost, opens the same directory.
    accountId: 'standalone',
    domain: '',
    strict: false,
    nowMs: Date.now(),
  });
  await createSessionFile(sessionPath, session);
  return bearerToken;
}

/** `bearerToken` is there only when the session was made just now: it is stored nowhere. */
async function greet(
  io: CommandIo,
  url: string,
  sessionPath: string,
  bearerToken: string | undefined,
): Promise<void> {
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

function untilAsked(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
