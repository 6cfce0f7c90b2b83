// Loaded by `node --import` into a process under test: what connects or looks a name up is noted in
// GUARD_FILE and fails, but for the addresses of GUARD_ALLOWED (host:port, separated by commas).

import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';

const allowed = new Set((process.env.GUARD_ALLOWED ?? '').split(','));

function refuse(what) {
  appendFileSync(process.env.GUARD_FILE, `${what}\n`);
  return new Error(`network guard: ${what}`);
}

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function guardedConnect(...args) {
  // Node calls it with what it has normalized: [options, callback].
  const [first] = Array.isArray(args[0]) ? args[0] : args;
  const options = typeof first === 'object' ? first : { port: first, host: args[1] };
  if (options.path === undefined || options.port !== undefined) {
    const address = `${options.host ?? 'localhost'}:${options.port}`;
    if (!allowed.has(address)) throw refuse(`connects to ${address}`);
  }
  return connect.apply(this, args);
};

for (const names of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(names)) {
    if (!/^(lookup|resolve|reverse)/.test(name) || typeof names[name] !== 'function') continue;
    const original = names[name];
    names[name] = function guardedName(host, ...rest) {
      if (host === 'localhost' || net.isIP(host) !== 0) return original.call(this, host, ...rest);
      throw refuse(`${name} of ${host}`);
    };
  }
}

dgram.Socket.prototype.send = () => {
  throw refuse('sends UDP');
};
