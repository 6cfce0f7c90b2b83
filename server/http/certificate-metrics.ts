import { Counter, Gauge, type Registry } from 'prom-client';
import type { CertificateStatus } from '#tls/status.ts';
import { registerGauge } from './register-gauge.ts';

/**
 * The certificate in numbers. Without one there are no samples of its times, so that a rule on them
 * does not take "none" for "ended long ago"; `op_scim_certificate_served` says that there is none.
 */
export function registerCertificate(
  registry: Registry,
  status: () => CertificateStatus,
  now: () => number,
): void {
  const gauge = (
    name: string,
    help: string,
    value: (of: CertificateStatus) => number | undefined,
  ): void => {
    registerGauge(registry, `certificate_${name}`, help, () => value(status()));
  };
  gauge('served', '1 while there is a certificate to serve.', ({ certificate }) =>
    certificate === undefined ? 0 : 1,
  );
  gauge('expiry_seconds', 'Seconds until the certificate ends.', ({ certificate }) =>
    certificate === undefined ? undefined : (certificate.notAfterMs - now()) / 1000,
  );
  gauge(
    'lifetime_seconds',
    'Seconds from the beginning of the certificate to its end.',
    ({ certificate }) =>
      certificate === undefined
        ? undefined
        : (certificate.notAfterMs - certificate.notBeforeMs) / 1000,
  );
  gauge('renewal_seconds', 'Seconds until the certificate is to be renewed.', ({ renewAtMs }) =>
    renewAtMs === undefined ? undefined : (renewAtMs - now()) / 1000,
  );
  registerFailures(registry, status);
}

function registerFailures(registry: Registry, status: () => CertificateStatus): void {
  registry.registerMetric(
    new Counter({
      name: 'op_scim_certificate_failures_total',
      help: 'Orders that failed in this process, or certificate files that could not be used.',
      registers: [],
      collect() {
        this.reset();
        this.inc(status().failures);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'op_scim_certificate_last_error',
      help: '1 with the kind of the last failure, while no order has succeeded since.',
      labelNames: ['problem'],
      registers: [],
      collect() {
        const { failure, trouble } = status();
        this.reset();
        const problem = failure?.problem ?? (trouble === undefined ? undefined : 'trouble');
        if (problem !== undefined) this.set({ problem }, 1);
      },
    }),
  );
}
