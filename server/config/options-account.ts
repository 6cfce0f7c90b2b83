import { choice, domainName, file, flag, option, pathOrBase64, seconds } from './option.ts';

const ACCOUNTS = 'sessions of kind op and scim, which this version does not serve';
const WORKSPACE = 'Google Workspace, which this version does not read';

export const accountOptions = {
  session: option({
    env: 'OP_SESSION',
    chart: 'session',
    parser: pathOrBase64,
    fallback: '/home/opuser/.op/scimsession',
    secret: showPath,
    help: 'The scimsession file: its path, or its contents in base64. Useless without the bearer token.',
  }),
  bearerTokenFile: option({
    env: 'OP_BEARER_TOKEN_FILE',
    chart: 'bearerToken',
    parser: file,
    fallback: undefined,
    help: 'A file with the bearer token, which unlocks the bridge at start instead of at the first request. It brings both halves of the secret together: keep it apart from the scimsession file.',
  }),
  domain: option({
    env: 'OP_DOMAIN',
    chart: 'config.domain',
    parser: domainName,
    fallback: undefined,
    help: 'The only 1Password sign-in address that a session may belong to, such as example.1password.com. Unset: any.',
    awaits: ACCOUNTS,
  }),
  isStrict: option({
    env: 'OP_SCIM_STRICT',
    chart: 'config.scimStrict',
    parser: flag,
    fallback: false,
    help: 'Turns off, for every bearer token, the leniency that identity providers need beyond the RFCs. A single token can be made strict too.',
  }),
  unknownMembers: option({
    env: 'OP_UNKNOWN_MEMBERS',
    chart: 'config.unknownMembers',
    parser: choice('skip', 'refuse'),
    fallback: 'skip',
    help: 'What happens to members of a group that are no known person: `skip` leaves them out and names them in the event, `refuse` refuses the request.',
  }),
  deliveryWaitSeconds: option({
    env: 'OP_DELIVERY_WAIT',
    chart: 'config.deliveryWaitSeconds',
    parser: seconds(0, 60),
    fallback: 10,
    help: 'Seconds that one request waits until 1Password has its changes. After that the answer is given and the delivery goes on.',
    awaits: ACCOUNTS,
  }),
  outboxMaxAgeSeconds: option({
    env: 'OP_OUTBOX_MAX_AGE',
    chart: 'config.outboxMaxAgeSeconds',
    parser: seconds(60, 86_400),
    fallback: 900,
    help: 'Age in seconds of the oldest undelivered change from which on writes are answered 503.',
    awaits: ACCOUNTS,
  }),
  confirmationIntervalSeconds: option({
    env: 'OP_CONFIRMATION_INTERVAL',
    chart: 'config.confirmationIntervalSeconds',
    parser: seconds(30, 86_400),
    fallback: 300,
    help: 'Seconds between two passes that confirm people who accepted their invitation.',
    awaits: ACCOUNTS,
  }),
  // The vendor's bridge publishes no default for this one; ours is that of the confirmations.
  groupMembershipCacheSeconds: option({
    env: 'OP_GROUP_MEMBERSHIP_CACHE_PERIOD',
    chart: 'config.groupMembershipCacheSeconds',
    parser: seconds(0, 86_400),
    fallback: 300,
    help: 'Seconds after which the members of a group are read again from the account, where they may have been changed by hand.',
    awaits: ACCOUNTS,
  }),
  workspaceCredentials: option({
    env: 'OP_WORKSPACE_CREDENTIALS',
    chart: 'workspace.credentials',
    parser: pathOrBase64,
    fallback: '/home/opuser/.op/workspace-credentials.json',
    secret: showPath,
    help: 'Key of the Google service account: path of the JSON file, or its contents in base64. Google Workspace is used when this and OP_WORKSPACE_SETTINGS are there.',
    awaits: WORKSPACE,
  }),
  workspaceSettings: option({
    env: 'OP_WORKSPACE_SETTINGS',
    chart: 'workspace.settings',
    parser: pathOrBase64,
    fallback: '/home/opuser/.op/workspace-settings.json',
    secret: showPath,
    help: 'Google Workspace settings (`actor`, `bridgeAddress`): path of the JSON file, or its contents in base64.',
    awaits: WORKSPACE,
  }),
};

/** Base64 of a JSON object begins with neither character, nor does a bearer token. */
function showPath(text: string): string {
  return /^[./]/.test(text) && text.length <= 1_024 ? text : '(hidden)';
}
