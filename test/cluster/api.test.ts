import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { fieldMistakes } from './api/fields.ts';
import type { Json } from './api/objects.ts';
import { jsonPatch, mergePatch, strategicPatch } from './api/patch.ts';
import { type ApiServer, startApiServer } from './api/server.ts';

const deployment = (container: Json = {}, spec: Json = {}): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1', ...container }] },
    },
    ...spec,
  },
});

const mistakes: readonly { name: string; object: Json; mistake: RegExp }[] = [
  {
    name: 'a field that is misspelt',
    object: deployment({ imagePullPolcy: 'Always' }),
    mistake: /^unknown field "spec\.template\.spec\.containers\[0\]\.imagePullPolcy"$/,
  },
  {
    name: 'a field in the wrong place',
    object: deployment({ imagePullSecrets: [] }),
    mistake: /unknown field .*imagePullSecrets/,
  },
  {
    name: 'a number for a text',
    object: deployment({ env: [{ name: 'OP_PORT', value: 3002 }] }),
    mistake: /env\[0\]\.value: 3002 is no string/,
  },
  {
    name: 'a text for a number',
    object: deployment({}, { replicas: '2' }),
    mistake: /spec\.replicas: "2" is no number/,
  },
  {
    name: 'a map for a list',
    object: deployment({ ports: {} }),
    mistake: /ports: a list is expected/,
  },
];

for (const { name, object, mistake } of mistakes) {
  test(`the API finds ${name}`, () => {
    const [found = '', ...others] = fieldMistakes(object, 'V1Deployment');
    assert.match(found, mistake);
    assert.deepEqual(others, []);
  });
}

test('the API has no objection to what is right', () => {
  const container = {
    ports: [{ name: 'http', containerPort: 3002 }],
    livenessProbe: { httpGet: { port: 'http' } },
    resources: { limits: { memory: '512Mi', cpu: 1 } },
  };
  assert.deepEqual(fieldMistakes(deployment(container), 'V1Deployment'), []);
});

suite('the API over HTTP', () => {
  let api: ApiServer;
  before(async () => {
    api = await startApiServer();
  });
  after(() => api.close());

  const path = '/apis/apps/v1/namespaces/default/deployments';
  const send = async (method: string, place: string, body: unknown, contentType = JSON_TYPE) => {
    const response = await fetch(`${api.url}${place}`, {
      method,
      body: JSON.stringify(body),
      headers: { 'content-type': contentType },
    });
    return { status: response.status, body: (await response.json()) as Json }; // Our own server.
  };
  const apply = (name: string, manager: string, object: Json, query = '') =>
    send('PATCH', `${path}/${name}?fieldManager=${manager}${query}`, object, APPLY_TYPE);
  const named = (name: string, object: Json): Json => ({ ...object, metadata: { name } });
  const imageOf = ({ body }: { body: Json }) => /"image":"([^"]+)"/.exec(JSON.stringify(body))?.[1];

  test('refuses an unknown field, a selector that selects nothing, and a namespace that is not there', async () => {
    assert.equal((await send('POST', path, deployment({ imag: 'x' }))).status, 400);
    const labels = { selector: { matchLabels: { app: 'other' } } };
    assert.equal((await send('POST', path, deployment({}, labels))).status, 422);
    const elsewhere = '/apis/apps/v1/namespaces/elsewhere/deployments';
    assert.equal((await send('POST', elsewhere, deployment())).status, 404);
  });

  test('refuses a second object of the same name, and a changed selector', async () => {
    assert.equal((await send('POST', path, named('twice', deployment()))).status, 201);
    assert.equal((await send('POST', path, named('twice', deployment()))).status, 409);
    const template = {
      metadata: { labels: { app: 'new' } },
      spec: { containers: [{ name: 'web', image: 'web:1' }] },
    };
    const changed = { selector: { matchLabels: { app: 'new' } }, template };
    assert.equal(
      (await send('PUT', `${path}/twice`, named('twice', deployment({}, changed)))).status,
      422,
    );
  });

  test('applies by owner: another owner conflicts, unless forced, and equal values are shared', async () => {
    const object = (image: string) => named('owned', deployment({ image }));
    assert.equal((await apply('owned', 'helm', object('web:1'))).status, 201);
    assert.equal((await apply('owned', 'other', object('web:1'))).status, 200);
    const refused = await apply('owned', 'other', object('web:2'));
    assert.equal(refused.status, 409);
    assert.match(String(refused.body['message']), /conflict with "helm".*\.image/);
    assert.equal(imageOf(await apply('owned', 'other', object('web:2'), '&force=true')), 'web:2');
    assert.equal((await apply('owned', 'helm', object('web:1'))).status, 409);
  });

  test('keeps what others added to a keyed list, and takes away what its owner leaves out', async () => {
    const env = (...names: string[]) =>
      named('listed', deployment({ env: names.map((name) => ({ name, value: name })) }));
    await apply('listed', 'helm', env('A', 'B'));
    const patch = {
      spec: {
        template: { spec: { containers: [{ name: 'web', env: [{ name: 'C', value: 'C' }] }] } },
      },
    };
    await send('PATCH', `${path}/listed?fieldManager=kubectl-set`, patch, STRATEGIC_TYPE);
    const { body } = await apply('listed', 'helm', env('B'));
    const names = [...JSON.stringify(body['spec']).matchAll(/"name":"([A-Z])"/g)];
    assert.deepEqual(names.map(([, name]) => name).toSorted(), ['B', 'C']);
  });

  test('refuses to write over a version that it no longer has', async () => {
    const made = await send('POST', path, named('raced', deployment()));
    await send('PATCH', `${path}/raced`, { metadata: { labels: { a: 'b' } } }, MERGE_TYPE);
    assert.equal((await send('PUT', `${path}/raced`, made.body)).status, 409);
  });
});

const JSON_TYPE = 'application/json';
const APPLY_TYPE = 'application/apply-patch+yaml';
const STRATEGIC_TYPE = 'application/strategic-merge-patch+json';
const MERGE_TYPE = 'application/merge-patch+json';

const volumes = { spec: { volumes: [{ name: 'a' }, { name: 'b' }] } };
const patches: readonly { name: string; patched: unknown; expected: unknown }[] = [
  {
    name: 'a merge patch replaces lists and deletes by null',
    patched: mergePatch({ a: [1], b: 1, c: { d: 1 } }, { a: [2], b: null, c: { e: 1 } }),
    expected: { a: [2], c: { d: 1, e: 1 } },
  },
  {
    name: 'a strategic patch merges keyed lists',
    patched: strategicPatch(volumes, { spec: { volumes: [{ name: 'b', emptyDir: {} }] } }),
    expected: { spec: { volumes: [{ name: 'a' }, { name: 'b', emptyDir: {} }] } },
  },
  {
    name: 'a strategic patch deletes elements, and heeds no directive of order',
    patched: strategicPatch(volumes, {
      spec: {
        '$setElementOrder/volumes': [{ name: 'b' }],
        volumes: [{ name: 'a', $patch: 'delete' }],
      },
    }),
    expected: { spec: { volumes: [{ name: 'b' }] } },
  },
  {
    name: 'a strategic patch keeps the keys that it retains',
    patched: strategicPatch(
      { strategy: { type: 'RollingUpdate', rollingUpdate: {} } },
      { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    ),
    expected: { strategy: { type: 'Recreate' } },
  },
  {
    name: 'a JSON patch replaces at a pointer',
    patched: jsonPatch({ a: { 'b/c': 1 } }, [{ op: 'replace', path: '/a/b~1c', value: 2 }]),
    expected: { a: { 'b/c': 2 } },
  },
];

for (const { name, patched, expected } of patches) {
  test(name, () => {
    assert.deepEqual(patched, expected);
  });
}
