import { nearest } from '#base/nearest.ts';
import { OperatorError } from '#base/operator-error.ts';
import { type Command, type CommandIo, write } from './command.ts';

/** Each command is loaded when it is called: `op-scim session` should not wait for the web server. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  session: async () => (await import('./session.ts')).session,
  config: async () => (await import('./config.ts')).config,
  doctor: async () => (await import('./doctor.ts')).doctor,
  ping: async () => (await import('./ping.ts')).ping,
  export: async () => (await import('./transfer.ts')).exportCommand,
  import: async () => (await import('./transfer.ts')).importCommand,
  version: async () => (await import('./version.ts')).version,
};

/** Runs one command and resolves to the exit code: 2 for what the operator can mend, 1 for a bug. */
export async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name = 'help', ...args] = argv;
  try {
    if (['help', '--help', '-h'].includes(name)) {
      await write(io.stdout, await helpFor(args[0]));
      return 0;
    }
    const command = await load(name === '--version' ? 'version' : name);
    if (args.includes('--help') || args.includes('-h')) {
      await write(io.stdout, `${command.usage}\n`);
      return 0;
    }
    return await command.run(args, io);
  } catch (thrown) {
    if (thrown instanceof OperatorError) {
      await write(io.stderr, `op-scim: ${thrown.message}\n`);
      return thrown.exitCode;
    }
    const stack = thrown instanceof Error ? thrown.stack : String(thrown);
    await write(io.stderr, `op-scim: this is a bug, please report it.\n${stack}\n`);
    return 1;
  }
}

async function load(name: string): Promise<Command> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const meant = nearest(name, Object.keys(commands));
    const hint = meant === undefined ? 'See "op-scim help".' : `Did you mean "op-scim ${meant}"?`;
    throw new OperatorError(`There is no command "${name}". ${hint}`);
  }
  return command();
}

async function helpFor(name: string | undefined): Promise<string> {
  if (name !== undefined) {
    return `${(await load(name)).usage}\n`;
  }
  const lines = [
    'op-scim: provisions people and groups into a 1Password account over SCIM 2.0',
    '',
  ];
  for (const load of Object.values(commands)) {
    const { name, summary } = await load();
    lines.push(`  op-scim ${name.padEnd(10)}${summary}`);
  }
  return `${lines.join('\n')}\n\nMore on one of them: op-scim help COMMAND\n`;
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2), process);
}
