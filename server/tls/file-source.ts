import { readFileSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { errorCode } from '#base/error-code.ts';
import {
  type Certificate,
  readCertificate,
  timeText,
  UnusableCertificate,
  wrongName,
  wrongTime,
} from './certificate.ts';
import type { CertificateSource } from './status.ts';

export interface FileSourceOptions {
  readonly domain: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly log: Logger;
  /** Watching would miss the symlink swaps by which Kubernetes updates a mounted Secret. */
  readonly pollMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Serves this certificate from now on. Throws when OpenSSL does not take it. */
  readonly serve: (certificate: Certificate) => void;
}

const FILE_BYTES_MAX = 1_048_576;

/**
 * The certificate of OP_TLS_CERT_FILE and OP_TLS_KEY_FILE, read again when they change. What clients
 * would refuse takes the place of nothing better; what can't be served, of nothing at all.
 */
export function openFileSource(options: FileSourceOptions): CertificateSource {
  return new FileSource(options);
}

class FileSource implements CertificateSource {
  readonly #options: FileSourceOptions;
  readonly #startedMs: number;
  #current: Certificate | undefined;
  #trouble: string | undefined;
  #failures = 0;
  #seen: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#startedMs = options.now();
  }

  status() {
    return {
      domain: this.#options.domain,
      certificate: this.#current,
      renewAtMs: undefined,
      failure: undefined,
      failures: this.#failures,
      trouble: this.#trouble,
      startedMs: this.#startedMs,
    };
  }

  async start(): Promise<void> {
    this.#look();
    this.#timer = setInterval(() => this.#look(), this.#options.pollMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { certFile, keyFile } = this.#options;
    let chainPem: string;
    let keyPem: string;
    try {
      chainPem = readPem(certFile);
      keyPem = readPem(keyFile);
    } catch (thrown) {
      if (!(thrown instanceof UnusableCertificate)) throw thrown;
      this.#seen = undefined;
      this.#report(thrown.message);
      return;
    }
    const content = `${chainPem}\0${keyPem}`;
    if (content === this.#seen) return;
    this.#seen = content;
    try {
      const certificate = readCertificate(chainPem, keyPem);
      const mistake = this.#unfitness(certificate);
      const isBetter = mistake === undefined || !this.#isCurrentFit;
      if (isBetter) this.#use(certificate);
      this.#report(mistake === undefined ? undefined : `${certFile} ${mistake}`);
    } catch (thrown) {
      if (!(thrown instanceof UnusableCertificate)) throw thrown;
      this.#report(`${certFile} with ${keyFile}: ${thrown.message}`);
    }
  }

  get #isCurrentFit(): boolean {
    return this.#current !== undefined && this.#unfitness(this.#current) === undefined;
  }

  #unfitness(certificate: Certificate): string | undefined {
    const { domain, now } = this.#options;
    return wrongName(certificate, domain) ?? wrongTime(certificate, now());
  }

  #use(certificate: Certificate): void {
    const { serve, log, domain } = this.#options;
    try {
      serve(certificate);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UnusableCertificate(`OpenSSL refuses it (${reason})`);
    }
    this.#current = certificate;
    const { serial, notAfterMs } = certificate;
    log.info({ domain, serial }, `certificate: served now, valid until ${timeText(notAfterMs)}`);
  }

  #report(mistake: string | undefined): void {
    const { log, domain } = this.#options;
    const kept =
      this.#current === undefined
        ? 'HTTPS can not be served until that is mended.'
        : 'The certificate read last goes on being served.';
    const trouble =
      mistake === undefined ? undefined : `The certificate files are wrong: ${mistake}. ${kept}`;
    if (trouble !== undefined && trouble !== this.#trouble) {
      this.#failures += 1;
      log.error({ domain }, `certificate: ${trouble}`);
    }
    this.#trouble = trouble;
  }
}

/** The certificate of two PEM files. Throws UnusableCertificate, which names the files. */
export function readCertificateFiles(certFile: string, keyFile: string): Certificate {
  const chainPem = readPem(certFile);
  const keyPem = readPem(keyFile);
  try {
    return readCertificate(chainPem, keyPem);
  } catch (thrown) {
    if (!(thrown instanceof UnusableCertificate)) throw thrown;
    throw new UnusableCertificate(`${certFile} with ${keyFile}: ${thrown.message}`);
  }
}

/** Throws UnusableCertificate. */
function readPem(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > FILE_BYTES_MAX) throw new UnusableCertificate(`${path} is too big (${size} bytes)`);
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof UnusableCertificate) throw thrown;
    const code = errorCode(thrown) ?? 'failed';
    throw new UnusableCertificate(`${path} can not be read (${code})`);
  }
}
