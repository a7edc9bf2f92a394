import { createServer as createWeb } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { openEndpoints } from '../../src/chain/endpoints/endpoints.ts';
import { connectionReason, isSilence } from '../../src/chain/messages/connection.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import { selfSigned } from '../support/certificate.ts';

const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });
const fetched = (cause: unknown): Error => new TypeError('fetch failed', { cause });

describe('why a connection failed', () => {
  const openSsl = (reason: string): string =>
    `write EPROTO 405D82B4807F0000:error:0A00010B:SSL routines:tls_validate:${reason}:../deps/openssl/x.c:77:\n`;
  const cases: readonly [failure: unknown, protocol: string, words: string][] = [
    [fetched(coded('ECONNREFUSED')), 'http:', 'the connection is refused'],
    [coded('ENOTFOUND'), 'http:', 'there is no such host'],
    [fetched(coded('EHOSTUNREACH')), 'http:', 'the network has no way to it'],
    [fetched(new Error('bad port')), 'http:', 'this port is not allowed for HTTP; choose another one'],
    [
      fetched(coded('DEPTH_ZERO_SELF_SIGNED_CERT')),
      'https:',
      'its certificate is not trusted (self-signed); see NODE_EXTRA_CA_CERTS',
    ],
    [
      fetched(coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE')),
      'https:',
      'its certificate is not trusted (its authority is not known here); see NODE_EXTRA_CA_CERTS',
    ],
    [fetched(coded('CERT_HAS_EXPIRED')), 'https:', 'its certificate has expired'],
    [coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'https:', 'its certificate is for another host'],
    [coded('INVALID_CA'), 'https:', 'its certificate is not accepted (INVALID_CA)'],
    [fetched(coded('ERR_SSL_WRONG_VERSION_NUMBER')), 'https:', 'it does not speak TLS; try http://'],
    [coded('EPROTO', openSsl('wrong version number')), 'wss:', 'it does not speak TLS; try ws://'],
    [coded('EPROTO', openSsl('wrong version number')), '', 'it does not speak TLS'],
    [
      coded('EPROTO', openSsl('tlsv1 alert protocol version')),
      'https:',
      'it agrees on no version of TLS, or no cipher',
    ],
    [coded('EPROTO', openSsl('bad extension')), 'https:', 'TLS with it fails (ERR_SSL_BAD_EXTENSION)'],
    [
      fetched(coded('UND_ERR_SOCKET', 'other side closed')),
      'http:',
      'it ends the connection without an answer; if it speaks TLS only, try https://',
    ],
    [coded('ECONNRESET', 'socket hang up'), 'https:', 'it ends the connection without an answer'],
    [
      new TypeError('terminated', { cause: coded('UND_ERR_SOCKET', 'other side closed') }),
      'http:',
      'the connection broke',
    ],
    [coded('ECONNRESET', 'read ECONNRESET'), 'http:', 'the connection broke'],
    [
      new Error('Connection is closed.'),
      'redis:',
      'it ends the connection without an answer; if it speaks TLS only, try rediss://',
    ],
    [coded('EPIPE', 'write EPIPE'), 'redis:', 'the connection broke'],
    [coded('HPE_INVALID_CONSTANT'), 'http:', 'it does not speak HTTP'],
    [
      fetched(Object.assign(new Error('x'), { name: 'HTTPParserError', code: undefined })),
      'http:',
      'it does not speak HTTP',
    ],
    [coded('E_NEW', 'a new\nreason\u001b[2J'), 'http:', 'a new reason [2J'],
    [new Error('it answers 500'), 'http:', 'it answers 500'],
    ['only words', 'http:', 'only words'],
    [undefined, 'http:', 'undefined'],
  ];
  for (const [failure, protocol, words] of cases) {
    it(`is told at ${protocol || 'any address'} as: ${words.slice(0, 50)}`, () => {
      expect(connectionReason(failure, protocol)).to.equal(words);
    });
  }

  it('says whether anybody seems to be there', () => {
    expect(isSilence(fetched(coded('ECONNREFUSED')))).to.equal(true);
    expect(isSilence(fetched(coded('CERT_HAS_EXPIRED')))).to.equal(false);
    expect(isSilence(undefined)).to.equal(false);
  });

  it('ends for a failure that is its own cause', () => {
    const failure = new Error('round');
    failure.cause = failure;
    expect(connectionReason(failure)).to.equal('round');
  });
});

describe('a server that is not reached as it is asked', () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const hosts: Record<string, string> = {};
  const listen = async (name: string, server: Server): Promise<void> => {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    hosts[name] = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  before(async () => {
    const [past, then, future] = [new Date('2020-01-01'), new Date('2021-01-01'), new Date('2049-01-01')];
    await listen('selfSigned', createSecure(selfSigned('127.0.0.1', past, future)));
    await listen('expired', createSecure(selfSigned('127.0.0.1', past, then)));
    await listen(
      'plain',
      createWeb((_, response) => response.writeHead(404).end('no')),
    );
    await listen(
      'ssh',
      createServer((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n')),
    );
    const gone = createServer();
    await listen('gone', gone);
    await new Promise((resolve) => gone.close(resolve));
    hosts['unknown'] = 'no-such-host.invalid:8545';
    hosts['port'] = '127.0.0.1:1';
  });

  after(() => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  });

  const reasons: readonly [protocols: readonly string[], server: string, words: string][] = [
    [['https', 'wss'], 'selfSigned', 'its certificate is not trusted (self-signed); see NODE_EXTRA_CA_CERTS'],
    [['http'], 'selfSigned', 'it ends the connection without an answer; if it speaks TLS only, try https://'],
    [['ws'], 'selfSigned', 'it ends the connection without an answer; if it speaks TLS only, try wss://'],
    [['https'], 'plain', 'it does not speak TLS; try http://'],
    [['wss'], 'plain', 'it does not speak TLS; try ws://'],
    [['http', 'ws'], 'ssh', 'it does not speak HTTP'],
    [
      ['http', 'https', 'ws', 'wss'],
      'gone',
      'the connection is refused; check the address and that the node runs',
    ],
    [['http', 'ws'], 'unknown', 'there is no such host; check the address and that the node runs'],
    [['http', 'ws'], 'port', 'this port is not allowed for HTTP; choose another one'],
  ];
  for (const [protocols, server, words] of reasons) {
    for (const protocol of protocols) {
      it(`is no node, with the reason: ${protocol} to ${server}`, async () => {
        const url = `${protocol}://${hosts[server]}`;
        const said = await openEndpoints([url]).catch(({ message }: Error) => message);
        expect(said).to.equal(`no Ethereum node answers at ${url}: ${words}`);
      });
    }
  }

  it('is no node, where it has no websocket: with the status of its answer', async () => {
    const url = `ws://${hosts['plain']}`;
    const said = await openEndpoints([url]).catch(({ message }: Error) => message);
    expect(said).to.equal(
      `${url} opens no websocket (to a plain request it answers 404 Not Found); check the address`,
    );
  });

  it('is told of each of several nodes', async () => {
    const urls = [`http://${hosts['gone']}`, `https://${hosts['expired']}`];
    const said = await openEndpoints(urls).catch(({ message }: Error) => message);
    expect(said).to.equal(
      `no Ethereum node answers at ${urls[0]}: the connection is refused; no Ethereum node answers at ${urls[1]}: its certificate has expired`,
    );
  });

  it('holds no model, with the reason', async () => {
    const getter = new Getter({ allowPrivate: true });
    const said = (url: string): Promise<unknown> =>
      getter.read(url, { maxBytes: 1, seconds: 5 }).catch(({ message }: Error) => message);
    const [plain, secure, ssh] = [hosts['plain'], hosts['selfSigned'], hosts['ssh']];
    expect(await said(`https://${plain}/`)).to.equal(
      `https://${plain}/ cannot be read: it does not speak TLS; try http://`,
    );
    expect(await said(`https://${secure}/`)).to.match(
      /: its certificate is not trusted \(self-signed\); see NODE/,
    );
    expect(await said(`http://${secure}/`)).to.match(/; if it speaks TLS only, try https:\/\/$/);
    expect(await said(`http://${ssh}/`)).to.match(/: it does not speak HTTP$/);
    getter.close();
  });
});
