import { nearest } from '#base/nearest.ts';
import { OperatorError } from '#base/operator-error.ts';
import { makeProcessPrivate } from '#base/private-process.ts';
import type { Command, CommandIo } from './command.ts';
import { createCommand } from './session-create.ts';
import { inspectCommand } from './session-inspect.ts';
import { addHealthToken, revokeToken, rotateToken } from './session-tokens.ts';

const USAGE = `op-scim session: makes and changes the scimsession file

The file and its bearer token open the account only together. Give the token to the identity
provider, the file to the bridge, and keep the two apart. Tokens are printed on stdout, everything
else on stderr. No secret is ever an argument.

  op-scim session create --out FILE [--kind standalone|op|scim] [--credentials FILE|-]
                         [--account-id ID] [--domain NAME] [--strict]
      Makes a session (mode 0600, never overwrites) and prints its bearer token.
      --kind         standalone (default): the bridge's own directory is the account;
                     op: the 1Password CLI; scim: a SCIM endpoint upstream
      --credentials  JSON of kind op {signInAddress, email, secretKey, password, deviceUuid?}
                     or scim {url, token}; - reads stdin; on a terminal it asks instead
      --account-id   names the account in the store (default: from the credentials, or new)
      --domain       TLS domain for when OP_TLS_DOMAIN is not set (default: none)
      --strict       requests with this token get no deviations from the RFCs
  op-scim session inspect FILE [--output text|json]
      Shows what is public in a session: account, tokens by kid, their ends.
  op-scim session rotate-token FILE [--token-file FILE] [--keep 7d]
      Adds a token and prints it. The current one, read from stdin or --token-file, stays good
      for --keep (30m, 24h, 7d …; 0 removes it at once).
  op-scim session revoke-token FILE --kid KID
      Removes a token. The bridge refuses it within seconds of getting the changed file.
  op-scim session add-health-token FILE
      Adds a token that reads /monitoring and unlocks nothing, and prints it.`;

const commands: Readonly<Record<string, (args: string[], io: CommandIo) => Promise<number>>> = {
  create: createCommand,
  inspect: inspectCommand,
  'rotate-token': rotateToken,
  'revoke-token': revokeToken,
  'add-health-token': addHealthToken,
};

export const session: Command = {
  name: 'session',
  summary: 'Make a session file and bearer token, inspect it, change its tokens',
  usage: USAGE,
  async run(args, io) {
    const [name = '', ...rest] = args;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) {
      throw unknown(name);
    }
    makeProcessPrivate(); // What it can not turn off matters little to so short a process.
    return command(rest, io);
  },
};

function unknown(name: string): OperatorError {
  const names = Object.keys(commands);
  const meant = nearest(name, names);
  const what = name === '' ? 'needs a second word' : `does not know "${name}"`;
  const hint = meant === undefined ? `Known are ${names.join(', ')}.` : `Did you mean "${meant}"?`;
  return new OperatorError(`"op-scim session" ${what}. ${hint}`);
}
