import { readFileSync } from 'node:fs';
import { App, Chart } from 'cdk8s';
import { valuesTable, valuesYaml } from './lib/documents.ts';
import { tokenResolver } from './lib/token.ts';
import { NOTES } from './notes.ts';
import { OpScimTemplates, valuesSchema } from './op-scim.ts';
import { definition } from './values.ts';
import { VERSION } from './version.ts';

/** All files of the Helm chart, by their path in it. */
export function chartFiles(): ReadonlyMap<string, string> {
  const app = new App({ outdir: 'unused', resolvers: [tokenResolver] });
  const templates = new OpScimTemplates(new Chart(app, 'chart'), 'op-scim').files();
  return new Map([
    ['.helmignore', '.DS_Store\n.git/\n*.swp\n*.tmp\n'],
    ['Chart.yaml', chartYaml()],
    ['README.md', readme()],
    ['values.schema.json', `${JSON.stringify(valuesSchema, null, 2)}\n`],
    ['values.yaml', valuesYaml(definition, VALUES_HEAD)],
    ['templates/NOTES.txt', NOTES],
    ...[...templates].map(([name, text]) => [`templates/${name}`, text] as const),
  ]);
}

const VALUES_HEAD = [
  'Values of op-scim and their defaults. README.md has the same as a table.',
  'Made by "npm run synth" from cdk8s/values.ts. Edits here are lost.',
];

const redis = definition.redis.group.image.group;

function chartYaml(): string {
  return `apiVersion: v2
name: op-scim
description: An open bridge that provisions people and groups into a 1Password account over SCIM 2.0.
type: application
version: ${VERSION}
appVersion: "${VERSION}"
kubeVersion: ">=1.25.0-0"
keywords:
  - scim
  - provisioning
  - 1password
  - entra
  - okta
annotations:
  artifacthub.io/category: security
  artifacthub.io/license: MIT
  artifacthub.io/operator: "false"
  artifacthub.io/prerelease: "${VERSION.startsWith('0.')}"
  artifacthub.io/images: |
    - name: op-scim-bridge
      image: ${definition.image.group.repository.fallback}:${VERSION}
    - name: redis
      image: ${redis.registry.fallback}/${redis.repository.fallback}:${redis.tag.fallback}
  artifacthub.io/changes: |
${newestChanges().join('\n')}
`;
}

/** The points of the first part of CHANGELOG.md. */
function newestChanges(): readonly string[] {
  const log = readFileSync(new URL('../CHANGELOG.md', import.meta.url), 'utf8');
  const [, newest = ''] = log.split(/^## .*$/m);
  // A point may go on in lines that are indented.
  const lines = newest.replaceAll(/\n +/g, ' ').split('\n');
  const points = lines.filter((line) => line.startsWith('- '));
  return points.map((point) => `    - ${JSON.stringify(point.slice(2))}`);
}

function readme(): string {
  return `# op-scim

<!-- Made by "npm run synth" from cdk8s/. Edits here are lost. -->

An open bridge that provisions people and groups into a 1Password account over SCIM 2.0: the bridge,
Redis, and a load balancer. It is an independent implementation, not made or endorsed by 1Password.

## Install

There is no public image. Build yours, version ${VERSION}, and push it to a registry that your cluster reads. On Azure one command does both,
in the folder of this repository; elsewhere \`npm run image\` builds with buildah, podman or docker:

\`\`\`sh
az acr build -r opscimexample -t op-scim-bridge:${VERSION} .
\`\`\`

\`image.registry\` names the registry. The file \`scimsession\` is made by \`npx op-scim session create --out scimsession\`.

\`\`\`sh
kubectl create secret generic scimsession --from-file=scimsession=./scimsession
helm install op-scim ./charts/op-scim --set image.registry=opscimexample.azurecr.io
\`\`\`

What it prints leads on: address, DNS record, certificate, checks, identity provider. The same objects
without Helm are in \`dist/\`: \`kubectl apply -f dist/\`, then
\`kubectl set image deploy/op-scim-bridge op-scim-bridge=opscimexample.azurecr.io/op-scim-bridge:${VERSION}\`.

Needs Kubernetes 1.25 or newer, and Helm 3.17 or newer, Helm 4 included. The defaults fit two nodes of
2 vCPU and 4 GiB. The pods meet Pod Security "restricted".

## Change

- The domain: \`helm upgrade op-scim ./charts/op-scim --reset-then-reuse-values --set config.tlsDomain=scim.example.com\`.
  \`kubectl set env deploy/op-scim-bridge OP_TLS_DOMAIN=scim.example.com\` works too, and wins over the chart
  until \`kubectl set env deploy/op-scim-bridge OP_TLS_DOMAIN-\`.
- The image: \`--set image.tag=…\`. After \`kubectl set image\`, Helm 4 asks for \`--force-conflicts\`.
- A password for Redis: make the Secret \`op-scim-redis\` with the key \`password\`, then restart both Deployments.
- Uninstalling keeps the volume of Redis, unless \`redis.persistence.keep\` is false.
- Backup and restore: \`docs/backup.md\` of the repository. Azure, step by step: \`docs/aks.md\`.

## Values

${valuesTable(definition)}`;
}
