// Question: what does a request cost the bridge, next to the least that Koa and ioredis can do for
// it, and does that stay the same when the directory grows? Budget: the targets are in
// operations.ts and sections/; a target that is missed is shown and fails nothing, a wrong answer
// ends the benchmark with exit code 1. Linux only: CPU and memory are read from /proc.
//
//   npm run bench -- [--people 1000,10000] [--million] [--runs 5] [--store redis|sqlite|both]
//                    [--only NAME] [--quick] [--profile] [--json FILE]

import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Child, LOAD_CORE } from './child.ts';
import { SCENARIOS, type Scenario } from './operations.ts';
import { measureBigPatch, measureBlocking } from './sections/blocking.ts';
import { measureMemory, measureStart } from './sections/footprint.ts';
import { extraGroups, growthByMembers, growthByPeople } from './sections/growth.ts';
import { measureScenario, type Rivals } from './sections/operations.ts';
import { PROBE_ARGUMENT, printProfiles } from './sections/profiles.ts';
import { seedGroups } from './seed-bridge.ts';
import {
  ACCOUNT_ID,
  type Bridge,
  startBareKoa,
  startBridge,
  startKoaRedis,
  startLoad,
  startScimmy,
  WrongAnswer,
} from './servers.ts';
import { printTables, type Row } from './table.ts';

interface Plan {
  readonly sizes: readonly number[];
  readonly stores: readonly ('redis' | 'sqlite')[];
  readonly runs: number;
  readonly thinning: number;
  /** Part of the name of an operation or a section; the others are left out. */
  readonly only: string | undefined;
  readonly isProfiling: boolean;
}

/** scimmy-routers and its seconds per page are shown at this size alone. */
const SCIMMY_PEOPLE = 1_000;
/** The size at which blocking, memory and start are measured, if it is among the sizes. */
const SECTIONS_PEOPLE = 100_000;

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '1000,10000,100000' },
    million: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5' },
    store: { type: 'string', default: 'both' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const plan: Plan = {
  sizes: values.quick
    ? [1_000]
    : [...values.people.split(',').map(Number), ...(values.million ? [1_000_000] : [])],
  stores:
    values.store === 'redis' || values.store === 'sqlite' ? [values.store] : ['redis', 'sqlite'],
  runs: values.quick ? 2 : Number(values.runs),
  thinning: values.quick ? 10 : 1,
  only: values.only,
  isProfiling: values.profile,
};

if (plan.sizes.some((people) => !(people >= 1_000 && people % 1_000 === 0)) || !(plan.runs >= 1)) {
  throw new Error('--people takes multiples of 1000 with commas between, --runs a number from 1.');
}

const load = await startLoad(LOAD_CORE);
try {
  const machine = describeMachine();
  say(`${Object.values(machine).join(', ')}\n`);
  const rows: Row[] = [];
  for (const store of plan.stores) rows.push(...(await measureStore(load, store)));
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
  }
} catch (thrown) {
  if (!(thrown instanceof WrongAnswer)) throw thrown;
  process.stderr.write(`An answer was wrong:\n${thrown.message}\n`);
  process.exitCode = 1;
} finally {
  await load.stop();
}

async function measureStore(load: Child, store: 'redis' | 'sqlite'): Promise<readonly Row[]> {
  const rowsBySize = new Map<number, readonly Row[]>();
  const rows: Row[] = [];
  const sectionsPeople = plan.sizes.includes(SECTIONS_PEOPLE) ? SECTIONS_PEOPLE : plan.sizes.at(-1);
  for (const people of plan.sizes) {
    say(`Filling a ${store} store with ${people.toLocaleString('en')} people …`);
    let bridge = await startBridge(store, people);
    try {
      const operationRows = await measureOperations(load, bridge, people);
      rowsBySize.set(people, operationRows);
      rows.push(...operationRows);
      if (people === sectionsPeople) {
        const sections = await measureSections(load, bridge, people, (next) => {
          bridge = next;
        });
        rows.push(...sections);
      }
      if (plan.isProfiling) {
        bridge = await bridge.restart({ nodeArguments: [PROBE_ARGUMENT] });
        say(await printProfiles(load, bridge, scenarios(), people));
      }
    } finally {
      await bridge.stop();
    }
  }
  if (plan.sizes.length > 1 && wants('growth')) {
    const growth = growthByPeople(rowsBySize).map((row) => ({
      ...row,
      section: `${row.section}, ${store}`,
    }));
    say(`${printTables(growth)}\n`);
    rows.push(...growth);
  }
  return rows;
}

async function measureOperations(
  load: Child,
  bridge: Bridge,
  people: number,
): Promise<readonly Row[]> {
  if (scenarios().length === 0) return [];
  const rivals: Rivals = {
    bridge,
    bareKoa: await startBareKoa(),
    koaRedis: bridge.store.kind === 'redis' ? await startKoaRedis(people) : undefined,
    scimmy: people === SCIMMY_PEOPLE ? await startScimmy(people) : undefined,
  };
  try {
    const rows: Row[] = [];
    for (const scenario of scenarios()) {
      rows.push(...(await measureScenario(load, rivals, scenario, { ...plan, people })));
    }
    say(`${printTables(rows)}\n`);
    return rows;
  } finally {
    for (const rival of [rivals.bareKoa, rivals.koaRedis, rivals.scimmy]) await rival?.stop();
  }
}

/** What is measured at one size only. `replace` is told of each new process of the bridge. */
async function measureSections(
  load: Child,
  first: Bridge,
  people: number,
  replace: (bridge: Bridge) => void,
): Promise<readonly Row[]> {
  let bridge = first;
  const restart = async (...options: Parameters<Bridge['restart']>): Promise<void> => {
    bridge = await bridge.restart(...options);
    replace(bridge);
  };
  const rows: Row[] = [];
  const report = (section: readonly Row[]): void => {
    say(`${printTables(section)}\n`);
    rows.push(...section);
  };
  if (wants('memory')) {
    await restart();
    report(await measureMemory(load, bridge, people));
  }
  if (wants('start')) {
    const start = await measureStart(bridge, plan.runs);
    bridge = start.bridge;
    replace(bridge);
    report(start.rows);
  }
  if (wants('patch')) report(await measureBigPatch(load, bridge, people));
  if (!wants('growth') && !wants('blocking')) return rows;
  await restart({ meanwhile: (store) => seedGroups(store, ACCOUNT_ID, extraGroups(people)) });
  if (wants('growth')) report(await growthByMembers(load, bridge, people, plan.runs));
  if (wants('blocking')) {
    await restart({ nodeArguments: [PROBE_ARGUMENT] });
    report(await measureBlocking(load, bridge, people));
  }
  return rows;
}

function scenarios(): readonly Scenario[] {
  return SCENARIOS.filter((scenario) => scenario.some((step) => wants(step.name)));
}

function wants(name: string): boolean {
  return plan.only === undefined || name.toLowerCase().includes(plan.only.toLowerCase());
}

function describeMachine(): Readonly<Record<string, string>> {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const redis = execFileSync('redis-server', ['--version'], { encoding: 'utf8' }).split(' ');
  return {
    commit: `commit ${commit}`,
    node: `Node ${process.version}`,
    redis: `Redis ${redis.find((word) => word.startsWith('v='))?.slice(2) ?? '?'}`,
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? '?'}`,
    time: new Date().toISOString(),
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
