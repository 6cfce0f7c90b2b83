import * as kplus from 'cdk8s-plus-27';
import { fullname } from '../helpers.ts';
import { type Expression, reference } from '../lib/expression.ts';
import { f, text } from '../lib/functions.ts';
import { when } from '../lib/node.ts';
import { set } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { configSettings, type Setting, secretSettings } from '../settings.ts';
import { values } from '../values.ts';

/** Where Secrets with files are mounted, one folder each. */
const SECRETS = '/secrets';
export const SESSION_FOLDER = '/home/opuser/.op';
export const KEY_VAULT_FOLDER = `${SECRETS}/key-vault`;
export const TLS_FOLDER = `${SECRETS}/tls`;

/** All settings that are no secret. */
export function config(chart: ReleaseChart): void {
  const made = new kplus.ConfigMap(chart, 'configmap', {
    metadata: chart.metadata('bridge', 'configmap'),
    data: { OP_PING_SERVER: '1' },
  });
  const session = f.ternary(
    `${KEY_VAULT_FOLDER}/scimsession`,
    `${SESSION_FOLDER}/scimsession`,
    values.session.keyVault.enabled,
  );
  const tlsFile = (key: Expression<string>) =>
    when(values.tls.existingSecret, f.printf(`${TLS_FOLDER}/%s`, key));
  const url = values.redis.external.url;
  const internalUrl = text`redis://${fullname}-redis:6379`;
  chart.patch(
    made,
    ...configSettings.map((setting) => set(`/data/${setting.env}`, entryOf(setting))),
    ...secretSettings.filter(isFile).map((setting) => {
      const secret = reference<string>('string', [
        'Values',
        ...setting.path.split('.'),
        'existingSecret',
      ]);
      return set(`/data/${setting.env}`, when(secret, secretFile(setting).path));
    }),
    set('/data/OP_SESSION', session),
    set('/data/OP_WORKSPACE_CREDENTIALS', `${SESSION_FOLDER}/workspace-credentials.json`),
    set('/data/OP_WORKSPACE_SETTINGS', `${SESSION_FOLDER}/workspace-settings.json`),
    set('/data/OP_TLS_CERT_FILE', tlsFile(values.tls.certificateKey)),
    set('/data/OP_TLS_KEY_FILE', tlsFile(values.tls.privateKeyKey)),
    set('/data/OP_REDIS_URL', when(values.redis.enabled, internalUrl, when(url, url))),
  );
}

export function isFile({ option }: Setting): boolean {
  return option.parser.isFile === true;
}

/** Folder and path of the file that a Secret brings. */
export function secretFile({
  path,
}: Setting): Readonly<Record<'name' | 'folder' | 'path', string>> {
  const name = path
    .replaceAll('.', '-')
    .replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return { name, folder: `${SECRETS}/${name}`, path: `${SECRETS}/${name}/file` };
}

/** What is empty or turned off is left out, but for an empty text that counts as set. */
function entryOf({ path, kind, option }: Setting): unknown {
  const value = reference<string>(kind, ['Values', ...path.split('.')]);
  const isExternal = path.startsWith('redis.external.');
  const entry = kind === 'int' ? f.toString(value) : kind === 'bool' ? '1' : value;
  if (kind === 'bool' && option.fallback === true) return f.ternary('1', '0', value);
  const isUsed = f.not(values.redis.enabled);
  if (kind === 'int' || option.emptyIsSet) return isExternal ? when(isUsed, entry) : entry;
  return when(isExternal ? f.and(isUsed, value) : value, entry);
}
