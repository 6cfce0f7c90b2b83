/** A line of the report: what was measured, what the target was, and whether it was met. */
export interface Row {
  readonly section: string;
  readonly name: string;
  readonly cells: Readonly<Record<string, number | undefined>>;
  /** What is judged: must be at most the target. */
  readonly value: number | undefined;
  readonly target: number | undefined;
  readonly unit: string;
}

export function verdictOf(row: Row): 'ok' | 'MISSED' | '' {
  if (row.value === undefined || row.target === undefined) return '';
  return row.value <= row.target ? 'ok' : 'MISSED';
}

/** One table for each section, with the columns that its rows have. */
export function printTables(rows: readonly Row[]): string {
  const sections = [...new Set(rows.map((row) => row.section))];
  return sections
    .map((section) => `${section}\n${printTable(rows.filter((row) => row.section === section))}`)
    .join('\n\n');
}

function printTable(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.cells)))];
  const head = ['', ...columns, 'result', 'target', ''];
  const lines = rows.map((row) => [
    row.name,
    ...columns.map((column) => printNumber(row.cells[column])),
    row.value === undefined ? '–' : `${printNumber(row.value)} ${row.unit}`,
    row.target === undefined ? '' : `≤ ${printNumber(row.target)} ${row.unit}`,
    verdictOf(row),
  ]);
  const table = [head, ...lines];
  const widths = head.map((_, column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  return table
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Three digits that count. */
function printNumber(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.01))));
  return value.toFixed(Number.isInteger(value) ? 0 : digits);
}
