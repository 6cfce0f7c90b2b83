import type { DocumentValue } from '../document.ts';
import type { PatchPath } from '../path.ts';

/** One step of a PATCH, names looked up and values checked. */
export type PatchOperation = ValueOperation | MembersOperation | IdOperation;

export interface ValueOperation {
  readonly kind: 'value';
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: PatchPath;
  /**
   * Of add and replace: what to set, undefined unassigns. Of remove: undefined, or the listed elements
   * of a multi-valued attribute, which alone are removed.
   */
  readonly value: DocumentValue | undefined;
}

export interface MembersOperation {
  readonly kind: 'members';
  readonly path: PatchPath;
  readonly edit: MemberEdit;
}

/** The `id` in a value without path: `applyPatch` checks that it is the resource's own. */
export interface IdOperation {
  readonly kind: 'id';
  readonly path?: never;
  readonly id: unknown;
}

/** A change of a group's members, which are never in its document. */
export type MemberEdit =
  | { readonly kind: 'add' | 'remove' | 'replace'; readonly ids: readonly string[] }
  | { readonly kind: 'clear' }
  | { readonly kind: 'removeWhere'; matches(memberId: string): boolean };
