import type { Connection } from './connection.ts';
import type { Inspection, Slice } from './problems.ts';
import { COLLECTION_NUMBERS } from './schema.ts';
import { rowOf } from './work.ts';

const MEMBERSHIPS_PER_SLICE = 500;
const GROUPS_PER_SLICE = 50;
/** A slice ends early when it has counted so many members. */
const COUNTED_PER_SLICE = 20_000;

interface MembershipRow {
  readonly group_row: number;
  readonly generation: number;
  readonly sequence: number;
  readonly member_row: number;
}

/** Each membership is in both directions, of a list that is known, and of a person who is there. */
export function membershipProblems(
  { connection, account }: Inspection,
  after: MembershipRow | undefined,
): Slice<MembershipRow> {
  const rows = connection.all<MembershipRow>(
    `SELECT group_row, generation, sequence, member_row FROM memberships
     WHERE (group_row, generation, sequence) > (?, ?, ?) AND group_row < ?
     ORDER BY group_row, generation, sequence LIMIT ?`,
    after?.group_row ?? rowOf(account, 0),
    after?.generation ?? 0,
    after?.sequence ?? 0,
    rowOf(account + 1, 0),
    MEMBERSHIPS_PER_SLICE,
  );
  const lists = new Map<string, boolean>();
  const problems: string[] = [];
  for (const row of rows) {
    const list = `${row.group_row} ${row.generation}`;
    const isKnown = lists.get(list) ?? isKnownList(connection, row);
    lists.set(list, isKnown);
    const name = `Membership ${row.sequence} of the group with row ${row.group_row}`;
    if (!isKnown) {
      problems.push(`${name} is in a list that belongs to no group.`);
    }
    problems.push(...problemsOfMember(connection, row).map((problem) => `${name} ${problem}`));
  }
  return {
    problems,
    next: rows.length < MEMBERSHIPS_PER_SLICE ? undefined : rows.at(-1),
  };
}

/** The counts that groups and drafts keep are those of their lists. */
export function groupProblems(
  { connection, account }: Inspection,
  after: string | undefined,
): Slice<string> {
  const groups = connection.all<{ row: number; id: string; generation: number; count: number }>(
    `SELECT row, id, generation, member_count AS count FROM records
     WHERE account = ? AND collection = ? AND id > ? ORDER BY id LIMIT ?`,
    account,
    COLLECTION_NUMBERS.groups,
    after ?? '',
    GROUPS_PER_SLICE,
  );
  const problems: string[] = [];
  let counted = 0;
  for (const group of groups) {
    const count = countMembers(connection, group.row, group.generation);
    counted += count;
    if (count !== group.count) {
      problems.push(`Group ${group.id} says ${group.count} members, its list has ${count}.`);
    }
    const draft = connection.one<{ generation: number; count: number }>(
      'SELECT generation, member_count AS count FROM drafts WHERE group_row = ?',
      group.row,
    );
    const drafted = draft === undefined ? 0 : countMembers(connection, group.row, draft.generation);
    counted += drafted;
    if (draft !== undefined && drafted !== draft.count) {
      problems.push(`The draft of group ${group.id} says ${draft.count}, its list has ${drafted}.`);
    }
    if (counted > COUNTED_PER_SLICE) {
      return { problems, next: group.id };
    }
  }
  return { problems, next: groups.length < GROUPS_PER_SLICE ? undefined : groups.at(-1)?.id };
}

function isKnownList(connection: Connection, { group_row, generation }: MembershipRow): boolean {
  const known = connection.one(
    `SELECT 1 FROM records WHERE row = ?1 AND collection = ?3 AND generation = ?2
     UNION ALL SELECT 1 FROM drafts WHERE group_row = ?1 AND generation = ?2
     UNION ALL SELECT 1 FROM garbage WHERE group_row = ?1 AND generation = ?2 LIMIT 1`,
    group_row,
    generation,
    COLLECTION_NUMBERS.groups,
  );
  return known !== undefined;
}

function problemsOfMember(
  connection: Connection,
  { group_row, generation, sequence, member_row }: MembershipRow,
): string[] {
  const member = connection.one<{ collection: number }>(
    'SELECT collection FROM records WHERE row = ?',
    member_row,
  );
  const problems =
    member?.collection === COLLECTION_NUMBERS.users ? [] : ['names a person who is not there.'];
  const reverse = connection.one<{ sequence: number }>(
    `SELECT sequence FROM memberships INDEXED BY membership_members
     WHERE member_row = ? AND group_row = ? AND generation = ?`,
    member_row,
    group_row,
    generation,
  );
  return reverse?.sequence === sequence ? problems : [...problems, 'is not found from its person.'];
}

function countMembers(connection: Connection, groupRow: number, generation: number): number {
  const counted = connection.one<{ count: number }>(
    'SELECT count(*) AS count FROM memberships WHERE group_row = ? AND generation = ?',
    groupRow,
    generation,
  );
  return counted?.count ?? 0;
}
