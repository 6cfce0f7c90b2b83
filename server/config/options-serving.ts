import {
  flag,
  listenAddress,
  type Network,
  networks,
  option,
  origin,
  port,
  seconds,
} from './option.ts';

export const servingOptions = {
  listenAddress: option({
    env: 'OP_LISTEN',
    chart: 'config.listen',
    parser: listenAddress,
    fallback: undefined,
    help: 'Address that all ports are bound to. Unset: every address of the machine.',
  }),
  port: option({
    env: 'OP_PORT',
    chart: 'ports.http',
    parser: port,
    fallback: 3002,
    help: 'Port of plain HTTP, which is served when OP_TLS_DOMAIN is empty.',
  }),
  tlsPort: option({
    env: 'OP_TLS_PORT',
    chart: 'ports.https',
    parser: port,
    fallback: 8443,
    help: 'Port of HTTPS, which is served when OP_TLS_DOMAIN is not empty.',
  }),
  servesProbes: option({
    env: 'OP_PING_SERVER',
    parser: flag,
    fallback: false,
    help: 'Serves /ping, /metrics and /monitoring, and nothing else, over plain HTTP on OP_PING_PORT, whether or not OP_TLS_DOMAIN is set.',
  }),
  probePort: option({
    env: 'OP_PING_PORT',
    chart: 'ports.probe',
    parser: port,
    fallback: 8080,
    help: 'Port of the probe server that OP_PING_SERVER turns on.',
  }),
  publicUrl: option({
    env: 'OP_PUBLIC_URL',
    chart: 'config.publicUrl',
    parser: origin,
    fallback: undefined,
    help: 'Address that clients use when a proxy in front of the bridge ends TLS. Links in answers begin with it. OP_TLS_DOMAIN comes first; with neither, the Host header counts.',
  }),
  trustedProxies: option({
    env: 'OP_TRUSTED_PROXIES',
    chart: 'config.trustedProxies',
    parser: networks,
    fallback: Object.freeze<Network[]>([]),
    help: 'Networks of the proxies whose X-Forwarded-* headers count. Without any, these headers are not read.',
  }),
  shutdownDelaySeconds: option({
    env: 'OP_SHUTDOWN_DELAY',
    chart: 'config.shutdownDelaySeconds',
    parser: seconds(0, 600),
    fallback: 0,
    help: 'Seconds between SIGTERM, from which on /ping answers 503, and the moment no new request is taken. Load balancers need them to notice.',
  }),
};

export const logOptions = {
  logsJson: option({
    env: 'OP_JSON_LOGS',
    chart: 'config.jsonLogs',
    parser: flag,
    fallback: false,
    help: 'Logs one JSON object a line, also on a terminal. Elsewhere that is the default. Wins over OP_PRETTY_LOGS.',
  }),
  logsPretty: option({
    env: 'OP_PRETTY_LOGS',
    chart: 'config.prettyLogs',
    parser: flag,
    fallback: false,
    help: 'Logs coloured lines for people. On a terminal that is the default.',
  }),
  logsDebug: option({
    env: 'OP_DEBUG',
    chart: 'config.debug',
    parser: flag,
    fallback: false,
    help: 'Logs each call as well as each change.',
  }),
  logsTrace: option({
    env: 'OP_TRACE',
    chart: 'config.trace',
    parser: flag,
    fallback: false,
    help: 'Logs all there is, for instance each step of a certificate order. Wins over OP_DEBUG.',
  }),
};
