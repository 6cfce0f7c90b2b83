import { Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { fullname, redisImage, redisSecret } from '../helpers.ts';
import { f, text } from '../lib/functions.ts';
import { block, when } from '../lib/node.ts';
import { type Change, remove, set, spread } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';
import { deployment, type Sizes } from './deployment.ts';

const { redis, size } = values;
const { persistence } = redis;
const PORT = 6379;
const POD = '/spec/template/spec';
const CONTAINER = `${POD}/containers/[name=redis]`;

/** Room beside maxmemory for the fork that rewrites the append-only file. */
const SIZES: Sizes = {
  small: { cpu: '50m', memory: '128Mi', memoryLimit: '448Mi' },
  medium: { cpu: '100m', memory: '256Mi', memoryLimit: '448Mi' },
  large: { cpu: '250m', memory: '512Mi', memoryLimit: '1792Mi' },
};
const MAXMEMORY = { small: '256mb', medium: '256mb', large: '1gb' };

/**
 * Keeps the password out of the arguments, which others on the node can read. redis-cli reads the
 * same variable; without the Secret it is not set.
 */
const START = [
  'umask 077',
  'if [ -n "$REDISCLI_AUTH" ]; then',
  '  escaped=$(printf %s "$REDISCLI_AUTH" | sed \'s/[\\\\"]/\\\\&/g\')',
  '  printf \'requirepass "%s"\\n\' "$escaped"',
  'fi > /tmp/redis.conf',
  'exec redis-server /tmp/redis.conf "$@"',
].join('\n');

/** An error, such as LOADING, is no PONG, and yet ends redis-cli with 0. */
const PING = ['sh', '-c', 'test "$(redis-cli ping)" = PONG'];

/** Redis with its claim and Service. */
export function redisObjects(chart: ReleaseChart): void {
  claim(chart);
  chart.optional(redis.enabled, () => {
    redisDeployment(chart);
    const service = new kplus.Service(chart, 'redis-service', {
      metadata: chart.metadata('redis'),
      type: kplus.ServiceType.CLUSTER_IP,
      selector: chart.pods('redis', chart),
      ports: [{ name: 'redis', port: PORT, targetPort: PORT, protocol: kplus.Protocol.TCP }],
    });
    chart.patch(service, remove('/spec/externalIPs'), set('/spec/ports/0/targetPort', 'redis'));
  });
}

function redisDeployment(chart: ReleaseChart): void {
  const { synthesis } = chart;
  const tmp = kplus.Volume.fromEmptyDir(chart, 'redis-tmp', 'tmp', {
    medium: kplus.EmptyDirMedium.MEMORY,
  });
  const connect = kplus.Probe.fromTcpSocket({ port: PORT });
  deployment(
    chart,
    'redis',
    {
      name: 'redis',
      image: synthesis.string(redisImage),
      command: ['sh', '-ec', START, 'redis-server'],
      ports: [{ name: 'redis', number: PORT, protocol: kplus.Protocol.TCP }],
      // Reading a big append-only file takes minutes, in which Redis accepts connections.
      startup: connect,
      liveness: connect,
      readiness: kplus.Probe.fromCommand(PING),
      volumeMounts: [{ path: '/tmp', volume: tmp }],
    },
    SIZES,
    redisChanges(),
  );
}

function redisChanges(): readonly Change[] {
  const password = { name: redisSecret, key: redis.password.key, optional: true };
  return [
    set('/spec/replicas', 1),
    // Two at a time would write the same append-only file.
    set('/spec/strategy', { type: 'Recreate' }),
    set('/spec/template/metadata/annotations', block(redis.podAnnotations)),
    set(`${CONTAINER}/imagePullPolicy`, redis.image.pullPolicy),
    set(`${CONTAINER}/args`, args()),
    set(`${CONTAINER}/env`, [{ name: 'REDISCLI_AUTH', valueFrom: { secretKeyRef: password } }]),
    set(`${CONTAINER}/envFrom`, []),
    set(`${CONTAINER}/readinessProbe/timeoutSeconds`, 5),
    set(`${CONTAINER}/livenessProbe/tcpSocket/port`, 'redis'),
    set(`${CONTAINER}/startupProbe/tcpSocket/port`, 'redis'),
    set(`${CONTAINER}/startupProbe/failureThreshold`, 30),
    set(`${POD}/volumes/[name=tmp]/emptyDir/sizeLimit`, '1Mi'),
    set(`${POD}/volumes/-`, dataVolume()),
    set(`${CONTAINER}/volumeMounts/-`, { name: 'data', mountPath: '/data' }),
  ];
}

function args(): readonly unknown[] {
  const appends = f.ternary('yes', 'no', persistence.enabled);
  const maxmemory = f.default(f.get(f.dict(MAXMEMORY), size), redis.maxmemory);
  return [
    ...['--dir', '/data', '--save', '', '--appendonly', appends, '--appendfsync', 'always'],
    ...['--maxmemory', maxmemory, '--maxmemory-policy', 'noeviction'],
  ];
}

function dataVolume(): object {
  const claimName = f.default(text`${fullname}-redis`, persistence.existingClaim);
  return {
    name: 'data',
    persistentVolumeClaim: when(persistence.enabled, { claimName }),
    emptyDir: when(f.not(persistence.enabled), {}),
  };
}

function claim(chart: ReleaseChart): void {
  const isOwn = f.and(redis.enabled, persistence.enabled, f.not(persistence.existingClaim));
  chart.optional(isOwn, () => {
    const made = new kplus.PersistentVolumeClaim(chart, 'redis-claim', {
      metadata: chart.metadata('redis'),
      accessModes: [kplus.PersistentVolumeAccessMode.READ_WRITE_ONCE],
      storage: Size.gibibytes(2),
    });
    chart.patch(
      made,
      set('/metadata/annotations', {
        'helm.sh/resource-policy': when(persistence.keep, 'keep'),
      }),
      spread('/metadata/annotations', persistence.annotations),
      set('/spec/resources/requests/storage', persistence.size),
      set('/spec/storageClassName', when(persistence.storageClass, persistence.storageClass)),
    );
  });
}
