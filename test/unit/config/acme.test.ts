import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acmeNames, loadConfig, stateFolder } from '../../../src/config/index.ts';

function config(listen: string, hosts: readonly string[], more = 'accept_terms = true') {
  const routes = hosts.map(
    (host) => `[[route]]\nhost = "${host}"\npath_beg = "/${hosts.indexOf(host)}"\ntargets = ["localhost:80"]\n`,
  );
  return loadConfig(`[server]\nlisten = [${listen}]\n[acme]\n${more}\n${routes.join('')}`, 'f.toml');
}

test('names are the hosts of the routes, each once', () => {
  const { server, routes } = config('"443,tls,acme"', ['B.example.com', 'b.example.com', '*', 'a.example.com']);
  assert.deepEqual(acmeNames({ server, routes }), ['b.example.com', 'a.example.com']);
  assert.deepEqual(acmeNames(config('"443,tls"', ['a.example.com'], '')), []);
});

test('what cannot have a certificate is refused by its name', () => {
  assert.throws(
    () => config('"443,tls,acme"', ['*']),
    /f\.toml:2: server\.listen\[0\]: "acme" needs a route for a host by its name/,
  );
  assert.throws(
    () => config('"443,tls,acme"', ['a.example.com', '*.example.com']),
    /f\.toml:.*"\*\.example\.com": a wildcard is proven over DNS/,
  );
  assert.throws(
    () => config('"443,tls,acme"', ['a.example.com', 'localhost']),
    /"localhost": it is the name of every machine/,
  );
  assert.throws(() => config('"443,tls,acme"', ['a.example.com', '192.0.2.1']), /"192\.0\.2\.1": it is an address/);
  assert.doesNotThrow(() => config('"443,tls,acme,default-cert=own"', ['a.example.com', '*.example.com', 'localhost']));
});

test('the terms have to be accepted, and "acme" needs TLS', () => {
  assert.throws(() => config('"443,tls,acme"', ['a.example.com'], ''), /acme\.accept_terms: must be true/);
  assert.throws(() => config('"80,acme"', ['a.example.com']), /parameter "acme" needs "tls"/);
  assert.throws(
    () => config('"443,tls,acme"', ['a.example.com'], 'accept_terms = true\ndirectory = "http://a"'),
    /acme\.directory: expected an https URL/,
  );
  assert.throws(
    () => config('"443,tls,acme"', ['a.example.com'], 'accept_terms = true\nemail = "a"'),
    /acme\.email: expected an e-mail address/,
  );
});

test('the folder for what is kept is that of the configuration, of systemd, or one in the working directory', () => {
  assert.equal(stateFolder({ dir: '/a' }, { STATE_DIRECTORY: '/b' }), '/a');
  assert.equal(stateFolder({ dir: '' }, { STATE_DIRECTORY: '/b:/c' }), '/b');
  assert.equal(stateFolder({ dir: '' }, {}), 'holdfast-state');
});
