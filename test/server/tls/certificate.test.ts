import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { readCertificate, wrongName, wrongTime } from '#tls/certificate.ts';
import { isPubliclyTrusted } from '#tls/trust.ts';
import { type Made, makeAuthority, type TestAuthority } from './certificates.ts';

const DOMAIN = 'scim.example.com';

suite('certificates', () => {
  let authority: TestAuthority;
  let made: Made;
  before(() => {
    authority = makeAuthority();
    made = authority.make();
  });
  after(() => authority.close());

  test('one without a Common Name is read, with its chain', () => {
    const chainPem = `${made.certPem}${authority.intermediatePem}`;
    const certificate = readCertificate(chainPem, made.keyPem);
    assert.equal(wrongName(certificate, DOMAIN), undefined);
    assert.equal(wrongTime(certificate, Date.now()), undefined);
    assert.match(certificate.serial, /^[0-9A-F]+$/);
  });

  test('what can not be served says what is wrong', () => {
    const other = authority.make();
    const { intermediatePem, rootPem } = authority;
    const rows: readonly (readonly [string, string, RegExp])[] = [
      ['', made.keyPem, /there is no certificate in it/],
      [
        '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
        made.keyPem,
        /number 1 in it is garbled/,
      ],
      [made.certPem, 'nonsense', /the private key is not one in PEM/],
      [
        made.certPem,
        '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
        /encrypted: store it without a passphrase/,
      ],
      [made.certPem, other.keyPem, /the private key does not belong to the certificate/],
      [
        `${intermediatePem}${made.certPem}`,
        made.keyPem,
        /wrong order: the certificate of the key is number 2/,
      ],
      [
        `${made.certPem}${rootPem}${intermediatePem}`,
        made.keyPem,
        /wrong order: number 3 signed number 1, and must come right after it/,
      ],
      [`${made.certPem}${other.certPem}`, made.keyPem, /number 2 in it did not sign number 1/],
      [made.certPem.repeat(11), made.keyPem, /11 certificates/],
    ];
    for (const [chainPem, keyPem, message] of rows) {
      assert.throws(() => readCertificate(chainPem, keyPem), {
        name: 'UnusableCertificate',
        message,
      });
    }
  });

  test('what clients would refuse says why', () => {
    const elsewhere = authority.make({ names: 'DNS:other.example.com' });
    const nameless = authority.make({ names: undefined, commonName: DOMAIN });
    const wildcard = authority.make({ names: 'DNS:*.example.com' });
    const of = ({ certPem, keyPem }: Made) => readCertificate(certPem, keyPem);
    assert.equal(wrongName(of(elsewhere), DOMAIN), `is for other.example.com, not for ${DOMAIN}`);
    assert.match(wrongName(of(nameless), DOMAIN) ?? '', /names no domain in a subject alternative/);
    assert.equal(wrongName(of(wildcard), DOMAIN), undefined);
    const certificate = of(made);
    assert.match(wrongTime(certificate, certificate.notAfterMs) ?? '', /^has expired on 20\d\d-/);
    assert.match(wrongTime(certificate, certificate.notBeforeMs - 1) ?? '', /^is valid only from/);
  });

  test('only an authority that browsers know is trusted publicly', () => {
    const chain = `${made.certPem}${authority.intermediatePem}`;
    assert.equal(isPubliclyTrusted(chain), false);
    assert.equal(isPubliclyTrusted(chain, [authority.rootPem]), true);
    assert.equal(isPubliclyTrusted(made.certPem, [authority.rootPem]), false);
    const sameName = makeAuthority();
    assert.equal(isPubliclyTrusted(chain, [sameName.rootPem]), false);
    sameName.close();
  });
});
