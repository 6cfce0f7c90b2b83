import assert from 'node:assert/strict';
import type { Document, DocumentValue } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';

/** The document as an object literal has it, to compare with one. Fails on inherited keys. */
export function plain(document: Document): Record<string, DocumentValue> {
  checkPrototypes(document);
  return JSON.parse(JSON.stringify(document));
}

/** The ScimError that `action` throws. */
export function answerOf(action: () => unknown): ScimError {
  try {
    action();
  } catch (error) {
    assert(error instanceof ScimError, `threw ${error}`);
    return error;
  }
  assert.fail('nothing was thrown');
}

function checkPrototypes(value: DocumentValue): void {
  if (typeof value !== 'object') return;
  if (!Array.isArray(value)) assert.equal(Object.getPrototypeOf(value), null);
  for (const inner of Object.values(value)) checkPrototypes(inner);
}
