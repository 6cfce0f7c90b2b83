import assert from 'node:assert/strict';

/** A JSON object, which every object of the API is. */
export type Json = { [key: string]: unknown };

/** An object of Kubernetes, as it is stored and sent. */
export type ApiObject = Json & { kind: string; apiVersion: string; metadata: Metadata };

export type Metadata = Json & {
  name: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  managedFields?: unknown[];
};

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectAt(value: Json, key: string): Json {
  const found = value[key];
  return isObject(found) ? found : {};
}

/** Checked as far as the server itself relies on it; the fields are checked against the types. */
export function asApiObject(value: unknown): ApiObject {
  assert.ok(isObject(value) && isObject(value['metadata']), 'an object with metadata');
  return value as ApiObject;
}

/** An answer that is no success; kubectl and Helm print its message. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: number;
  readonly reason: string;
  readonly details: Json | undefined;

  constructor(code: number, reason: string, message: string, details?: Json) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  toJSON(): Json {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      reason: this.reason,
      message: this.message,
      code: this.code,
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }
}
