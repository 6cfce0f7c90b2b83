/**
 * Resources as JSON text. A stored body is finished JSON, so an answer is made by appending what
 * depends on the request or on others (groups, members, meta), without parsing it.
 */

/** What is stored of a resource. Times in milliseconds since 1970. */
export interface ResourceState {
  readonly id: string;
  readonly version: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
  /** A JSON object with `schemas` and `id`, without `meta`, `groups` and `members`. */
  readonly body: string;
}

/** `groups` undefined leaves the attribute out. `baseUrl` ends without a slash. */
export function renderUser(
  state: ResourceState,
  baseUrl: string,
  groups: readonly { readonly id: string; readonly label: string }[] | undefined,
): string {
  let rendered = state.body.slice(0, -1);
  if (groups !== undefined && groups.length > 0) {
    rendered += ',"groups":[';
    let separator = '';
    for (const { id, label } of groups) {
      const display = JSON.stringify(label);
      rendered += `${separator}{"value":"${id}","$ref":"${baseUrl}/Groups/${id}","display":${display},"type":"direct"}`;
      separator = ',';
    }
    rendered += ']';
  }
  return rendered + renderMeta(state, baseUrl, 'User');
}

/** A group without its members. */
export function renderGroup(state: ResourceState, baseUrl: string): string {
  return state.body.slice(0, -1) + renderMeta(state, baseUrl, 'Group');
}

/** A group up to where its members go; `renderGroupEnd` closes it. */
export function renderGroupStart(state: ResourceState): string {
  return `${state.body.slice(0, -1)},"members":[`;
}

export function renderMembers(memberIds: readonly string[], baseUrl: string): string {
  let rendered = '';
  let separator = '';
  for (const id of memberIds) {
    rendered += `${separator}{"value":"${id}","$ref":"${baseUrl}/Users/${id}","type":"User"}`;
    separator = ',';
  }
  return rendered;
}

export function renderGroupEnd(state: ResourceState, baseUrl: string): string {
  return `]${renderMeta(state, baseUrl, 'Group')}`;
}

/** The weak entity tag of a version (RFC 7644 §3.14), as in `meta.version` and `ETag`. */
export function entityTag(version: number): string {
  return `W/"${version}"`;
}

export function locationOf(resourceType: 'User' | 'Group', id: string, baseUrl: string): string {
  return `${baseUrl}/${resourceType}s/${id}`;
}

function renderMeta(state: ResourceState, baseUrl: string, resourceType: 'User' | 'Group'): string {
  const created = isoTime(state.createdMs);
  const modified = state.modifiedMs === state.createdMs ? created : isoTime(state.modifiedMs);
  return (
    `,"meta":{"resourceType":"${resourceType}","created":"${created}","lastModified":"${modified}"` +
    `,"location":"${locationOf(resourceType, state.id, baseUrl)}","version":"W/\\"${state.version}\\""}}`
  );
}

/** Texts of minutes, most of them asked for again and again: a page has two times for each person. */
const minuteTexts = new Map<number, string>();
const MINUTES_MAX = 10_000;

/** As Date.toISOString, at a tenth of its cost. */
function isoTime(timeMs: number): string {
  const minute = Math.floor(timeMs / 60_000);
  let text = minuteTexts.get(minute);
  if (text === undefined) {
    if (minuteTexts.size >= MINUTES_MAX) minuteTexts.clear();
    text = new Date(minute * 60_000).toISOString().slice(0, 17);
    minuteTexts.set(minute, text);
  }
  const ms = timeMs - minute * 60_000;
  const seconds = Math.floor(ms / 1000);
  const rest = ms - seconds * 1000;
  const pad = rest < 10 ? '00' : rest < 100 ? '0' : '';
  return `${text}${seconds < 10 ? '0' : ''}${seconds}.${pad}${rest}Z`;
}
