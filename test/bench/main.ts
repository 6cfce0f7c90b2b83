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
import { LOAD_CORE } from './child.ts';
import { SCENARIOS, type Scenario } from './operations.ts';
import { COHORT } from './people.ts';
import { measureBigPatch, measureBlocking } from './sections/blocking.ts';
import { measureMemory, measureStart } from './sections/footprint.ts';
import { extraGroups, growthByMembers, growthByPeople } from './sections/growth.ts';
import { measureScenario, type Rivals } from './sections/operations.ts';
import { PROBE_ARGUMENT, printProfiles } from './sections/profiles.ts';
import { measureTls } from './sections/tls.ts';
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

if (
  plan.sizes.some((people) => !(people >= COHORT && people % COHORT === 0)) ||
  !(plan.runs >= 1)
) {
  throw new Error(
    '--people takes multiples of 1,000 (written 1000) with commas between, --runs a number from 1.',
  );
}

const load = await startLoad(LOAD_CORE);
try {
  const machine = describeMachine();
  say(`${Object.values(machine).join(', ')}\n`);
  const rows: Row[] = [];
  if (wants('tls')) {
    const tls = await measureTls(plan.runs, plan.thinning);
    say(`${printTables(tls)}\n`);
    rows.push(...tls);
  }
  if (plan.only !== 'tls') {
    for (const store of plan.stores) rows.push(...(await measureStore(store)));
  }
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

async function measureStore(store: 'redis' | 'sqlite'): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const sectionsPeople = plan.sizes.includes(SECTIONS_PEOPLE) ? SECTIONS_PEOPLE : plan.sizes.at(-1);
  const [smallest = 0] = plan.sizes;
  for (const people of plan.sizes) {
    say(`Filling a ${store} store with ${people.toLocaleString('en')} people …`);
    let bridge = await startBridge(store, people);
    const restart: Restart = async (options) => {
      bridge = await bridge.restart(options);
      return bridge;
    };
    try {
      rows.push(...(await measureOperations(bridge, people)));
      if (people === plan.sizes.at(-1) && people > smallest && wants('growth')) {
        rows.push(...(await measureGrowth(await restart(), smallest, people)));
      }
      if (people === sectionsPeople) rows.push(...(await measureSections(restart, people)));
      if (plan.isProfiling) {
        const probed = await restart({ nodeArguments: [PROBE_ARGUMENT] });
        say(await printProfiles(load, probed, scenarios(), people));
      }
    } finally {
      await bridge.stop();
    }
  }
  return rows;
}

/** Ends the bridge and starts it anew on its store. */
type Restart = (options?: Parameters<Bridge['restart']>[0]) => Promise<Bridge>;

async function measureGrowth(
  big: Bridge,
  smallPeople: number,
  bigPeople: number,
): Promise<readonly Row[]> {
  const small = await startBridge(big.store.kind, smallPeople);
  try {
    const rows: Row[] = [];
    const sizes = { small: smallPeople, big: bigPeople };
    for (const scenario of SCENARIOS) {
      rows.push(...(await growthByPeople(load, { small, big }, scenario, { ...plan, ...sizes })));
    }
    return report(rows);
  } finally {
    await small.stop();
  }
}

async function measureOperations(bridge: Bridge, people: number): Promise<readonly Row[]> {
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
    return report(rows);
  } finally {
    for (const rival of [rivals.bareKoa, rivals.koaRedis, rivals.scimmy]) await rival?.stop();
  }
}

/** What is measured at one size only. */
async function measureSections(restart: Restart, people: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  if (wants('memory')) rows.push(...report(await measureMemory(load, await restart(), people)));
  if (wants('start')) rows.push(...report([await measureStart(restart, plan.runs)]));
  if (wants('patch')) rows.push(...report(await measureBigPatch(load, await restart(), people)));
  if (!wants('growth') && !wants('blocking')) return rows;
  const groups = extraGroups(people);
  const grown = await restart({ meanwhile: (store) => seedGroups(store, ACCOUNT_ID, groups) });
  if (wants('growth')) rows.push(...report(await growthByMembers(load, grown, people, plan.runs)));
  if (!wants('blocking')) return rows;
  const probed = await restart({ nodeArguments: [PROBE_ARGUMENT] });
  return [...rows, ...report(await measureBlocking(load, probed, people))];
}

function report(rows: readonly Row[]): readonly Row[] {
  if (rows.length > 0) say(`${printTables(rows)}\n`);
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
