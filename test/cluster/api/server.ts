import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Cluster, type ClusterEvent, ownersOf } from './cluster.ts';
import { ApiFailure, type ApiObject, asApiObject, isObject, type Json } from './objects.ts';
import { apply, type FieldOwner, ownersAfterUpdate, parseOwners } from './owners.ts';
import { jsonPatch, mergePatch, strategicPatch } from './patch.ts';
import { isBinary, readSecret } from './protobuf.ts';
import { discovery, RESOURCES, type Resource } from './resources.ts';

export interface ApiServer {
  readonly url: string;
  readonly cluster: Cluster;
  /** Method and path of each request, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

interface Request {
  readonly method: string;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: Buffer;
  /** Who writes, for the owners of fields. */
  readonly manager: string;
}

/**
 * A Kubernetes API as far as Helm and kubectl use it to install, change and remove a chart, on a free port of
 * 127.0.0.1. It is strict about unknown fields, and knows who owns which field.
 */
export async function startApiServer(): Promise<ApiServer> {
  const cluster = new Cluster();
  const requests: string[] = [];
  const answers = discovery();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    void handle(cluster, answers, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // A listening TCP server has one.
  return { url: `http://127.0.0.1:${port}`, cluster, requests, close: () => close(server) };
}

async function handle(
  cluster: Cluster,
  answers: ReadonlyMap<string, object>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? '', 'http://api');
    const answer = answers.get(url.pathname);
    if (answer !== undefined) return send(response, 200, answer);
    // An empty document: clients then leave the check of fields to the server.
    if (url.pathname === '/openapi/v2') return void response.writeHead(200, OPENAPI).end();
    const parsed = await parseRequest(request, url);
    if (parsed.query.has('watch')) return watch(cluster, parsed, response);
    if (parsed.subresource === 'log') return void response.writeHead(200).end('ok\n');
    const [status, body] = run(cluster, parsed);
    send(response, status, body);
  } catch (thrown) {
    const failure =
      thrown instanceof ApiFailure ? thrown : new ApiFailure(500, 'InternalError', String(thrown));
    send(response, failure.code, failure);
  }
}

const OPENAPI = { 'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' };
const PATH =
  /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+\/v[^/]+))(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<kind>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<sub>[^/]+))?$/;

async function parseRequest(request: IncomingMessage, url: URL): Promise<Request> {
  const namespacePath = /^\/api\/v1\/namespaces(?:\/([^/]+))?$/.exec(url.pathname);
  const groups: Readonly<Record<string, string | undefined>> =
    namespacePath === null
      ? (PATH.exec(url.pathname)?.groups ?? {})
      : { core: 'v1', kind: 'namespaces', name: namespacePath[1] };
  const groupVersion = groups['core'] ?? groups['group'];
  const resource = RESOURCES.find(
    (each) => each.groupVersion === groupVersion && each.name === groups['kind'],
  );
  if (resource === undefined) {
    throw new ApiFailure(404, 'NotFound', `the server could not find ${url.pathname}`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const agent = request.headers['user-agent']?.split('/')[0] ?? 'unknown';
  return {
    method: request.method ?? '',
    resource,
    namespace: groups['namespace'] ?? '',
    name: groups['name'],
    subresource: groups['sub'],
    query: url.searchParams,
    contentType: request.headers['content-type'] ?? '',
    body: Buffer.concat(chunks),
    manager: url.searchParams.get('fieldManager') ?? agent,
  };
}

function run(cluster: Cluster, request: Request): [number, object] {
  const { method, name, resource, namespace } = request;
  if (name === undefined) {
    if (method === 'POST') return [201, create(cluster, request)];
    const items = cluster.list(resource, namespace).filter(selector(request.query));
    if (method === 'DELETE') {
      for (const { metadata } of items) cluster.delete(resource, namespace, metadata.name);
    }
    const metadata = { resourceVersion: cluster.resourceVersion };
    const { kind, groupVersion: apiVersion } = resource;
    return [200, { kind: `${kind}List`, apiVersion, metadata, items }];
  }
  const live = cluster.find(resource, namespace, name);
  if (method === 'PATCH') return [live === undefined ? 201 : 200, patch(cluster, request, live)];
  const found = cluster.get(resource, namespace, name);
  if (method === 'DELETE') return [200, cluster.delete(resource, namespace, name)];
  if (method === 'PUT') return [200, update(cluster, request, found, asApiObject(parsed(request)))];
  return [200, found];
}

function create(cluster: Cluster, request: Request): ApiObject {
  const wanted = asApiObject(parsed(request));
  const { name } = wanted.metadata;
  if (cluster.find(request.resource, request.namespace, name) !== undefined) {
    const message = `${request.resource.name} "${name}" already exists`;
    throw new ApiFailure(409, 'AlreadyExists', message, { name, kind: request.resource.name });
  }
  return update(cluster, request, undefined, wanted);
}

function update(
  cluster: Cluster,
  request: Request,
  live: ApiObject | undefined,
  wanted: ApiObject,
): ApiObject {
  const { resource, namespace, manager } = request;
  const expected = wanted.metadata.resourceVersion;
  if (live !== undefined && expected !== undefined && expected !== live.metadata.resourceVersion) {
    throw new ApiFailure(
      409,
      'Conflict',
      'the object has been modified; please apply your changes',
    );
  }
  const owners = ownersAfterUpdate(live, ownersOf(live), wanted, manager);
  return write(cluster, request, live, wanted, owners, resource, namespace);
}

function patch(cluster: Cluster, request: Request, live: ApiObject | undefined): ApiObject {
  const { resource, namespace, name = '', contentType, query, manager } = request;
  const body = parsed(request);
  if (contentType.startsWith('application/apply-patch')) {
    const wanted = asApiObject({ ...(body as Json), kind: resource.kind }); // Checked by it.
    wanted.metadata.name = name;
    const force = query.get('force') === 'true';
    const applied = apply(live, ownersOf(live), wanted, manager, force);
    return write(cluster, request, live, applied.object, applied.owners, resource, namespace);
  }
  const found = live ?? cluster.get(resource, namespace, name);
  const patched = asApiObject(patchOf(contentType, found, body));
  const before = found.metadata.managedFields;
  const isOwnersPatch =
    JSON.stringify(patched.metadata.managedFields) !== JSON.stringify(before) &&
    patched.metadata.managedFields !== undefined;
  const owners = isOwnersPatch
    ? parseOwners(patched.metadata.managedFields ?? [])
    : ownersAfterUpdate(found, ownersOf(found), patched, manager);
  return write(cluster, request, found, patched, owners, resource, namespace);
}

function patchOf(contentType: string, live: ApiObject, body: unknown): unknown {
  if (contentType.startsWith('application/json-patch')) return jsonPatch(live, body);
  if (contentType.startsWith('application/strategic-merge-patch'))
    return strategicPatch(live, body);
  if (contentType.startsWith('application/merge-patch')) return mergePatch(live, body);
  throw new ApiFailure(415, 'UnsupportedMediaType', `a patch of type ${contentType} is not known`);
}

function write(
  cluster: Cluster,
  request: Request,
  live: ApiObject | undefined,
  wanted: ApiObject,
  owners: readonly FieldOwner[],
  resource: Resource,
  namespace: string,
): ApiObject {
  if (request.query.has('dryRun')) return wanted;
  return cluster.write(resource, namespace, wanted, owners, live);
}

function parsed({ body }: Request): unknown {
  if (isBinary(body)) return readSecret(body);
  try {
    return JSON.parse(body.toString() || '{}');
  } catch (cause) {
    throw new ApiFailure(400, 'BadRequest', `the body is no JSON: ${String(cause)}`);
  }
}

/** Sends what is there, says that this was all, and then each change until the client leaves. */
function watch(cluster: Cluster, request: Request, response: ServerResponse): void {
  const { resource, namespace, query } = request;
  const isSelected = selector(query);
  response.writeHead(200, { 'content-type': 'application/json' });
  const line = (type: string, object: object) =>
    response.write(`${JSON.stringify({ type, object })}\n`);
  const isFresh = (query.get('resourceVersion') ?? '0') === '0' || query.has('sendInitialEvents');
  if (isFresh) {
    for (const object of cluster.list(resource, namespace).filter(isSelected))
      line('ADDED', object);
  }
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  line('BOOKMARK', {
    kind: resource.kind,
    apiVersion: resource.groupVersion,
    metadata: { resourceVersion: cluster.resourceVersion, annotations },
  });
  const onEvent = (event: ClusterEvent) => {
    const { metadata } = event.object;
    const isHere = namespace === '' || metadata.namespace === namespace;
    if (event.resource === resource && isHere && isSelected(event.object)) {
      line(event.type, event.object);
    }
  };
  cluster.events.on('event', onEvent);
  response.once('close', () => cluster.events.off('event', onEvent));
}

/** Whether an object is meant by labelSelector and fieldSelector. */
function selector(query: URLSearchParams): (object: ApiObject) => boolean {
  const labels = termsOf(query.get('labelSelector'));
  const fields = termsOf(query.get('fieldSelector'));
  return (object) =>
    labels.every(
      ([key, value, isEqual]) => (object.metadata.labels?.[key] === value) === isEqual,
    ) &&
    fields.every(([path, value, isEqual]) => (String(valueAt(object, path)) === value) === isEqual);
}

function termsOf(text: string | null): [key: string, value: string, isEqual: boolean][] {
  return (text ?? '')
    .split(',')
    .filter((term) => term !== '')
    .map((term) => {
      const [, key = '', operator = '', value = ''] = /^([^!=]+)(!=|==?)(.*)$/.exec(term) ?? [];
      if (key === '') throw new ApiFailure(400, 'BadRequest', `selector ${term} is not known here`);
      return [key, value, operator !== '!='];
    });
}

function valueAt(object: Json, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), object);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
