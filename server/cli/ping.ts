import { readFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { errorCode } from '#base/error-code.ts';
import { OperatorError } from '#base/operator-error.ts';
import { probePort } from '#config/combinations.ts';
import { loadConfig } from '#config/load.ts';
import type { Config } from '#config/options.ts';
import { openSessionSource } from '#session/source.ts';
import { type Command, parseOptions, write } from './command.ts';

const TIMEOUT_MS = 4_000;
const ANSWER_CHARACTERS_MAX = 100_000;

/** What the image asks for its HEALTHCHECK: it has no shell and no curl. */
export const ping: Command = {
  name: 'ping',
  summary: 'Ask the bridge on this machine whether it serves',
  usage: `op-scim ping

Requests /ping from the bridge that runs here with the same OP_* settings. Ends with exit code 0 when
it serves, and prints nothing; else with 1 and the reason, or with 2 when a setting is wrong.`,
  async run(args, io) {
    const { positionals } = parseOptions(args, {}, 'op-scim ping');
    if (positionals.length > 0)
      throw new OperatorError('Say "op-scim ping", without anything more.');
    const { config } = loadConfig(io.env, readFileSync);
    const url = pingUrl(config, config.tlsDomain ?? sessionDomain(config));
    const complaint = await complaintAbout(url);
    if (complaint === undefined) return 0;
    await write(io.stderr, `${complaint}\n`);
    return 1;
  },
};

/** The domain that counts where OP_TLS_DOMAIN is not set. Whether the session is good, the bridge says. */
function sessionDomain({ session }: Config): string | undefined {
  try {
    const source = openSessionSource(session);
    source.close();
    return source.session.meta.domain;
  } catch (thrown) {
    if (thrown instanceof OperatorError) return undefined;
    throw thrown;
  }
}

/** The probe port where there is one: it needs no certificate. `domain` empty or undefined: plain HTTP. */
export function pingUrl(config: Config, domain: string | undefined): string {
  const host = config.listenAddress ?? '127.0.0.1';
  const authority = host.includes(':') ? `[${host}]` : host;
  const servesTls = domain !== undefined && domain !== '';
  const probe = probePort(config, servesTls);
  if (probe !== undefined) return `http://${authority}:${probe}/ping`;
  return servesTls
    ? `https://${authority}:${config.tlsPort}/ping`
    : `http://${authority}:${config.port}/ping`;
}

/** Undefined when the bridge serves. */
export async function complaintAbout(url: string): Promise<string | undefined> {
  try {
    return complaintAboutStatus(url, (await askBridge(url)).status);
  } catch (thrown) {
    return complaintAboutSilence(url, thrown);
  }
}

/** A request to the bridge on this machine. Rejects with the reason when it does not answer. */
export function askBridge(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, headers } as const;
    // The certificate is for the public name, and the question stays on this machine.
    const request = url.startsWith('https:')
      ? getHttps(url, { ...options, rejectUnauthorized: false })
      : getHttp(url, options);
    const giveUp = (reason: string): void => {
      reject(new Error(reason));
      request.destroy();
    };
    // From the first byte to the last: something else may listen there, and never end.
    const timer = setTimeout(
      () => giveUp(`nothing whole came within ${TIMEOUT_MS / 1000} s`),
      TIMEOUT_MS,
    );
    request.once('close', () => clearTimeout(timer));
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        if (text.length > ANSWER_CHARACTERS_MAX) giveUp('it says too much');
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode, text }));
    });
    request.once('error', reject);
  });
}

function complaintAboutSilence(url: string, thrown: unknown): string {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (errorCode(thrown) === 'ECONNREFUSED') {
    return `The bridge does not answer at ${url}: nothing listens there (ECONNREFUSED). Is it running, with these settings? Its log says why it ended.`;
  }
  // Before its first certificate the bridge refuses handshakes.
  if (url.startsWith('https:') && /alert handshake failure/.test(reason)) {
    return `The bridge listens at ${url}, and has no certificate yet: its log says why. With OP_PING_SERVER=1 it also answers on a port that needs none.`;
  }
  return `The bridge does not answer at ${url}: ${reason}. Its log says why.`;
}

function complaintAboutStatus(url: string, status: number | undefined): string | undefined {
  if (status === 200) return undefined;
  return status === 503
    ? `${url} answers 503: the bridge ends, and soon takes no more requests.`
    : `${url} answers ${status}: not the bridge listens there. Check OP_PORT and OP_PING_PORT.`;
}
