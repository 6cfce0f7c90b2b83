import {
  type Commit,
  type CommitOutcome,
  type IndexEntry,
  MAX_PAIR_CHANGES,
  type MembershipWrite,
  type RecordWrite,
  type WrittenVersion,
} from '../store.ts';

/** The arguments of the script COMMIT: values one by one, since Redis takes any bytes in them. */
export function encodeCommit(commit: Commit): string[] {
  const args = [commit.operationId];
  const { fence, membership, publish } = commit;
  if (fence !== undefined) args.push('fence', fence.name, fence.holder, String(fence.fence));
  for (const claim of commit.claims ?? []) {
    args.push('claim', claim.collection, claim.index, claim.value, claim.except ?? '');
  }
  for (const write of commit.writes ?? []) pushWrite(args, write);
  if (membership !== undefined) pushMembership(args, membership);
  if (publish !== undefined) {
    const { groupId, generation, token } = publish.draft;
    args.push(
      'publish',
      groupId,
      String(generation),
      token,
      numberOrEmpty(publish.expectedVersion),
    );
  }
  for (const event of commit.events ?? []) args.push('event', event);
  return args;
}

/** Index entries as one argument. Neither part holds U+0000. */
export function packEntries(entries: readonly IndexEntry[]): string {
  let packed = '';
  for (const { index, value } of entries) packed += `${index}\0${value}\0`;
  return packed;
}

export function decodeOutcome(text: string): CommitOutcome {
  const [outcome, ...rest] = JSON.parse(text) as [CommitOutcome['outcome'], ...Answer[]]; // as COMMIT writes it
  switch (outcome) {
    case 'done':
      return decodeDone(rest);
    case 'version':
      return {
        outcome,
        id: String(rest[0]),
        version: rest[1] === false ? undefined : Number(rest[1]),
      };
    case 'claimed':
      return { outcome, claim: Number(rest[0]), holderId: String(rest[1]) };
    case 'unknownMembers':
      return { outcome, ids: rest.map(String) };
    default:
      return { outcome };
  }
}

type Answer = string | number | false;

function decodeDone(rest: readonly Answer[]): CommitOutcome {
  const unknownCount = Number(rest[2]);
  const end = rest.length - unknownCount;
  const versions: WrittenVersion[] = [];
  for (let at = 3; at < end; at += 5) {
    versions.push({
      id: String(rest[at]),
      sequence: Number(rest[at + 1]),
      version: Number(rest[at + 2]),
      createdMs: Number(rest[at + 3]),
      modifiedMs: Number(rest[at + 4]),
    });
  }
  return {
    outcome: 'done',
    versions,
    addedMembers: Number(rest[0]),
    removedMembers: Number(rest[1]),
    unknownMembers: rest.slice(end).map(String),
  };
}

function pushWrite(args: string[], write: RecordWrite): void {
  const expected = numberOrEmpty(write.expectedVersion);
  if (write.body === undefined) {
    args.push('delete', write.collection, write.id, expected, packEntries(write.removed));
    return;
  }
  args.push('put', write.collection, write.id, expected, write.body);
  args.push(numberOrEmpty(write.previousVersion), labelArgument(write.label));
  args.push(packEntries(write.added), packEntries(write.removed));
}

function pushMembership(args: string[], membership: MembershipWrite): void {
  const { groupId, add, remove } = membership;
  if (add.length + remove.length > MAX_PAIR_CHANGES) {
    throw new Error(`A commit takes at most ${MAX_PAIR_CHANGES} member changes: use a draft.`);
  }
  args.push('members', groupId, numberOrEmpty(membership.expectedVersion));
  args.push(membership.onUnknown, String(membership.limit));
  args.push(String(add.length), ...add, String(remove.length), ...remove);
}

/** '' leaves the label as it is, '=' begins a new one. */
function labelArgument(label: string | undefined): string {
  return label === undefined ? '' : `=${cleanLabel(label)}`;
}

/** Answers part labels by U+0000 and U+0001: neither is in a name that people see. */
export function cleanLabel(label: string): string {
  return label.replaceAll('\0', '').replaceAll('\x01', '');
}

function numberOrEmpty(number: number | undefined): string {
  return number === undefined ? '' : String(number);
}
