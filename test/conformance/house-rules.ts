/**
 * What holds for each answer of each conversation, so that no file has to say it: media type and
 * error form, no secret, no null, nothing unassigned, `Location` equal to `meta.location`.
 */
import type { Json, JsonObject, RequestLine } from './conversation.ts';
import type { Answer, Bridge } from './runner.ts';

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';
const SCIM_MEDIA_TYPE = /^application\/scim\+json(; ?charset=utf-8)?$/u;
const JSON_MEDIA_TYPE = /^application\/json(; ?charset=utf-8)?$/u;

/** One sentence for each rule broken. `expectedStatus` undefined: any success. */
export function houseRuleViolations(
  line: RequestLine,
  answer: Answer,
  bridge: Bridge,
  expectedStatus: number | undefined,
): string[] {
  const found: string[] = [];
  if (answer.status >= 500 && answer.status !== expectedStatus) {
    found.push('a client can not cause a 5xx');
  }
  if (answer.text.includes(bridge.token)) {
    found.push('the bearer token is in the answer');
  }
  if (/node_modules|\bat \S+ \(|\.ts:\d+/u.test(answer.text)) {
    found.push('a stack trace is in the answer');
  }
  if (answer.status === 204 || answer.status === 304) {
    return answer.text === '' ? found : [...found, `${answer.status} has a body`];
  }
  if (answer.body === undefined) {
    return [...found, 'the answer is not JSON'];
  }
  return [
    ...found,
    ...mediaTypeViolations(line, answer),
    ...(answer.status >= 400 ? errorViolations(answer) : []),
    ...locationViolations(answer),
    ...valueViolations(answer.body, ''),
  ];
}

function mediaTypeViolations(line: RequestLine, answer: Answer): string[] {
  const accept = line.headers['accept']?.toLowerCase() ?? '';
  const contentType = answer.headers['content-type'] ?? '';
  const wantsJson = accept.includes('application/json') && !accept.includes('scim+json');
  const isRight = (wantsJson ? JSON_MEDIA_TYPE : SCIM_MEDIA_TYPE).test(contentType);
  return isRight ? [] : [`content-type is ${contentType}`];
}

/** RFC 7644 §3.12, and a sentence an administrator can act on. */
function errorViolations(answer: Answer): string[] {
  if (!isObject(answer.body)) {
    return ['an error is not a SCIM error'];
  }
  const { schemas, status, detail } = answer.body;
  const found: string[] = [];
  if (JSON.stringify(schemas) !== JSON.stringify([ERROR_SCHEMA])) {
    found.push('an error does not have the schema of SCIM errors');
  }
  if (status !== String(answer.status)) {
    found.push('status in an error is not the HTTP status as a text');
  }
  if (typeof detail !== 'string' || detail.length < 20) {
    found.push('an error says too little in detail');
  }
  for (const name of Object.keys(answer.body)) {
    if (!['schemas', 'status', 'scimType', 'detail'].includes(name)) {
      found.push(`an error has the unknown member ${name}`);
    }
  }
  return found;
}

function locationViolations(answer: Answer): string[] {
  const { location } = answer.headers;
  const meta = isObject(answer.body) ? answer.body['meta'] : undefined;
  const isSame = location === undefined || !isObject(meta) || meta['location'] === location;
  return isSame ? [] : [`Location is ${String(location)}, meta.location is another`];
}

/** No null anywhere, no empty value in a resource, no password, nothing that looks like a bug. */
function valueViolations(value: Json, where: string): string[] {
  if (value === null) {
    return [`${where}: null in an answer`];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => valueViolations(item, `${where}/${index}`));
  }
  if (typeof value !== 'object') {
    return value === '[object Object]' || value === 'undefined' ? [`${where}: ${value}`] : [];
  }
  const found: string[] = [];
  const isResource = isObject(value['meta']) && isProvisioned(value['meta']['resourceType']);
  for (const [name, member] of Object.entries(value)) {
    if (name.toLowerCase() === 'password') {
      found.push(`${where}/${name}: a password in an answer`);
    }
    if (isResource && isEmpty(member)) {
      found.push(`${where}/${name}: an unassigned attribute in an answer (RFC 7643 §2.5)`);
    }
    found.push(...valueViolations(member, `${where}/${name}`));
  }
  return found;
}

function isProvisioned(resourceType: Json | undefined): boolean {
  return resourceType === 'User' || resourceType === 'Group';
}

function isEmpty(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
