import { chart, type Expression, NamedTemplate, release } from './lib/expression.ts';
import { f, text } from './lib/functions.ts';
import { NAME_LENGTH, values } from './values.ts';

const cut = (length: number, name: Expression<string>) => f.trimSuffix('-', f.trunc(length, name));

export const name = new NamedTemplate('op-scim.name', 'Name of the chart, for labels.', {
  text: cut(63, f.default(chart.name, values.nameOverride)),
});

export const fullname = new NamedTemplate(
  'op-scim.fullname',
  'How the names of all objects begin: the release, and the chart unless the release names it.',
  { when: values.fullnameOverride, text: cut(NAME_LENGTH, values.fullnameOverride) },
  { when: f.contains(chart.name, release.name), text: cut(NAME_LENGTH, release.name) },
  { text: cut(NAME_LENGTH, text`${release.name}-${chart.name}`) },
);

export const chartLabel = new NamedTemplate('op-scim.chart', 'Chart and version, for a label.', {
  text: cut(63, f.replace('+', '_', text`${chart.name}-${chart.version}`)),
});

export const serviceAccountName = new NamedTemplate(
  'op-scim.serviceAccountName',
  'Service account of the bridge.',
  {
    when: values.serviceAccount.create,
    text: f.default(text`${fullname}-bridge`, values.serviceAccount.name),
  },
  { text: f.default('default', values.serviceAccount.name) },
);

export const bridgeImage = image('op-scim.image', 'Image of the bridge.', values.image);
export const redisImage = image('op-scim.redisImage', 'Image of Redis.', values.redis.image);

export const sessionSecret = new NamedTemplate(
  'op-scim.sessionSecret',
  'Secret with the scimsession file.',
  { when: values.session.create, text: text`${fullname}-scimsession` },
  { text: values.session.existingSecret },
);

export const redisSecret = new NamedTemplate(
  'op-scim.redisSecret',
  'Secret with the password of Redis.',
  { text: f.default(text`${fullname}-redis`, values.redis.password.existingSecret) },
);

export const helpers: readonly NamedTemplate[] = [
  name,
  fullname,
  chartLabel,
  serviceAccountName,
  bridgeImage,
  redisImage,
  sessionSecret,
  redisSecret,
];

function image(id: string, summary: string, image: typeof values.image): NamedTemplate {
  const registry = f.ternary(text`${image.registry}/`, '', image.registry);
  const repository = text`${registry}${image.repository}`;
  return new NamedTemplate(
    id,
    summary,
    { when: image.digest, text: text`${repository}@${image.digest}` },
    { text: text`${repository}:${f.default(chart.appVersion, image.tag)}` },
  );
}
