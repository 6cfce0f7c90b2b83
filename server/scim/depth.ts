import { ScimError } from './errors.ts';

/** Deeper than any SCIM message: a bulk request that holds a PATCH of an extension needs 9. */
const MAX_DEPTH = 20;

/** Throws invalidSyntax when arrays and objects are nested more than 20 deep. */
export function checkDepth(value: unknown): void {
  if (isDeeperThan(value, MAX_DEPTH)) {
    throw new ScimError(
      'invalidSyntax',
      `The JSON is nested more than ${MAX_DEPTH} deep, which no SCIM request needs.`,
    );
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const element of value) if (isDeeperThan(element, levels - 1)) return true;
    return false;
  }
  for (const key in value) {
    if (isDeeperThan(value[key as keyof typeof value], levels - 1)) return true; // a key it has
  }
  return false;
}
