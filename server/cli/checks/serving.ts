import { askBridge, complaintAbout, pingUrl } from '../ping.ts';
import { type Check, type Finding, failed, ok, type State, skipped, warning } from './check.ts';

export const servingChecks: readonly Check[] = [
  {
    id: 'bridge',
    title: 'Bridge',
    about:
      'The bridge that runs here with the same settings answers `/ping`: on the probe port where there is one, else on its main port.',
    remedy:
      'Read its log: on Kubernetes `kubectl logs deploy/op-scim-bridge`, and `--previous` for one that ended. It is right that nothing answers where doctor runs on another machine or before the bridge was started.',
    async run({ config, domain }) {
      const url = pingUrl(config, domain);
      const complaint = await complaintAbout(url);
      return complaint === undefined ? ok(`It answers at ${url}.`) : failed(complaint);
    },
  },
  {
    id: 'bridge-health',
    title: 'Bridge health',
    about:
      'What the running bridge says of itself (`/monitoring`), which takes the health-only token: `op-scim doctor --health-token-file FILE`, where `-` reads it from stdin. That token unlocks nothing. A bridge that is locked waits for its first request, which is no failure.',
    remedy:
      'Each part says what to do. `locked`: send one request with the bearer token, or set `OP_BEARER_TOKEN_FILE`. A health-only token is made by `op-scim session add-health-token FILE`.',
    async run({ config, domain, options: { healthToken } }) {
      if (healthToken === undefined) {
        return skipped('It takes the health-only token: --health-token-file FILE.');
      }
      const url = pingUrl(config, domain).replace(/\/ping$/, '/monitoring');
      const headers = {
        authorization: `Bearer ${healthToken}`,
        // HTTPS answers under no other name.
        ...(domain === undefined ? {} : { host: domain }),
      };
      const answer = await askBridge(url, headers).catch(() => undefined);
      if (answer === undefined) return skipped('The bridge does not answer.');
      const { status, text } = answer;
      if (status === 200) return healthFinding(text);
      return status === 401 || status === 403
        ? failed(`The bridge refuses the token of --health-token-file (${status}).`)
        : failed(`${url} answers ${status}.`);
    },
  },
];

/** What `http/health.ts` writes, as far as it is needed here. */
interface ReportText {
  readonly source: string;
  readonly state: string;
  readonly reason?: string;
}

const STATES: Readonly<Record<string, State>> = {
  healthy: 'ok',
  degraded: 'warning',
  locked: 'warning',
};

function healthFinding(text: string): Finding {
  const { reports } = JSON.parse(text) as { readonly reports: readonly ReportText[] }; // The bridge wrote it.
  const detail = reports
    .map(
      ({ source, state, reason }) =>
        `${source} is ${state}${reason === undefined ? '.' : `: ${reason}`}`,
    )
    .join('\n');
  const states = reports.map(({ state }) => STATES[state] ?? 'failed');
  if (states.includes('failed')) return failed(detail);
  return states.includes('warning') ? warning(detail) : ok(detail);
}
