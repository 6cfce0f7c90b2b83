/**
 * Each way a request can fail that a client may read: HTTP status, scimType (RFC 7644 §3.12,
 * RFC 9865 §2.1) and what it means. docs/errors.md is drawn from this table.
 */
export const problems = {
  invalidFilter: problem(
    400,
    'invalidFilter',
    'The filter does not parse, or compares what can not be compared.',
  ),
  tooMany: problem(
    400,
    'tooMany',
    'The filter would have to look at more resources than the time limit allows.',
  ),
  uniqueness: problem(409, 'uniqueness', 'Another resource holds a value that must be unique.'),
  mutability: problem(400, 'mutability', 'The attribute can not be changed by a client.'),
  invalidSyntax: problem(
    400,
    'invalidSyntax',
    'The body is not JSON, or not of the form that the request needs.',
  ),
  invalidPath: problem(
    400,
    'invalidPath',
    'The path of a PATCH operation does not parse or names no attribute.',
  ),
  noTarget: problem(400, 'noTarget', 'The path of a PATCH operation matches no value.'),
  invalidValue: problem(
    400,
    'invalidValue',
    'A value is missing, of the wrong type, or not allowed.',
  ),
  invalidVers: problem(400, 'invalidVers', 'The SCIM version asked for is not served.'),
  sensitive: problem(400, 'sensitive', 'The request would put a secret into a URL.'),
  invalidCursor: problem(
    400,
    'invalidCursor',
    'The cursor is not one that this server gave for this query.',
  ),
  expiredCursor: problem(400, 'expiredCursor', 'The cursor is too old: begin again without one.'),
  invalidCount: problem(
    400,
    'invalidCount',
    'The count of a cursor page is not a number the server can use.',
  ),
  badRequest: problem(400, undefined, 'The request can not be understood as HTTP or SCIM.'),
  unauthorized: problem(401, undefined, 'No bearer token, or not one of this bridge.'),
  forbidden: problem(403, undefined, 'The bearer token may not do this, or nobody may.'),
  notFound: problem(404, undefined, 'There is no such resource or endpoint.'),
  methodNotAllowed: problem(405, undefined, 'The endpoint does not know this method.'),
  unresolvedReference: problem(
    409,
    undefined,
    'A bulkId stands for a resource that this bulk request did not make.',
  ),
  preconditionFailed: problem(
    412,
    undefined,
    'The resource was changed since the client read it (If-Match).',
  ),
  tooLarge: problem(
    413,
    undefined,
    'The body, or the number of operations or members, is over the limit.',
  ),
  unsupportedMediaType: problem(
    415,
    undefined,
    'The body is neither application/scim+json nor application/json.',
  ),
  misdirected: problem(421, undefined, 'The request names a host that this bridge does not serve.'),
  tooManyRequests: problem(
    429,
    undefined,
    'More requests than the limit: wait as Retry-After says.',
  ),
  internal: problem(500, undefined, 'A bug of the bridge: the log has the same reference.'),
  notImplemented: problem(501, undefined, 'The bridge does not offer this operation.'),
  unavailable: problem(
    503,
    undefined,
    'The store or the account can not be reached now: retry as Retry-After says.',
  ),
} as const;

export type ProblemName = keyof typeof problems;

/** A failure the client may read. Whatever else is thrown is our bug, and is answered 500. */
export class ScimError extends Error {
  override readonly name = 'ScimError';
  readonly problem: ProblemName;
  /** Seconds for the Retry-After header. */
  readonly retryAfterSeconds: number | undefined;

  /**
   * `detail` is one or two sentences: what happened, and what an administrator can do. It may quote what
   * came: characters that break a line or turn its direction are named in it.
   */
  constructor(
    problem: ProblemName,
    detail: string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(detail.replace(UNPRINTABLE, codePointName), { cause: options.cause });
    this.problem = problem;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return problems[this.problem].status;
  }

  /** The body of RFC 7644 §3.12. `status` is a string there; `cause` stays in the log. */
  toBody(reference?: string): ScimErrorBody {
    const { status, scimType } = problems[this.problem];
    return {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: String(status),
      ...(scimType === undefined ? {} : { scimType }),
      detail: reference === undefined ? this.message : `${this.message} (ref ${reference})`,
    };
  }
}

export interface ScimErrorBody {
  readonly schemas: readonly string[];
  readonly status: string;
  readonly scimType?: string;
  readonly detail: string;
}

/** Controls, separators of lines, halves of surrogate pairs, and what turns the direction of text. */
const UNPRINTABLE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{61c}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu;

function codePointName(character: string): string {
  const hex = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  return `U+${hex}`;
}

interface Problem {
  readonly status: number;
  readonly scimType: string | undefined;
  readonly meaning: string;
}

function problem(status: number, scimType: string | undefined, meaning: string): Problem {
  return { status, scimType, meaning };
}
