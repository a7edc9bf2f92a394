import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { isPublicAddress } from '../../src/store/remote/addresses.ts';
import { type GetOptions, Getter, type GetterOptions, RemoteError } from '../../src/store/remote/getter.ts';
import { below, locationsOf, placesOf } from '../../src/store/remote/locations.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';

const BOUNDS: GetOptions = { maxBytes: 1000, seconds: 5 };

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    const got = await attempt;
    throw new Error(`was not refused: ${String(got)}`);
  } catch (error) {
    expect(error, String(error)).to.be.instanceOf(RemoteError);
    return (error as Error).message;
  }
}

describe('addresses', () => {
  it('attack 60: of this machine, its networks and its cloud are not public', () => {
    const inner = [
      ...['127.0.0.1', '127.8.8.8', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
      ...['169.254.169.254', '100.64.0.1', '192.0.0.192', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
      ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254', 'fc00::1', 'ff02::1', '::ffff:127.0.0.1'],
      ...['::ffff:8.8.8.8', '::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:1::', '2001:db8::1'],
      ...['', 'localhost', '1', '127.1'],
    ];
    for (const address of inner) expect(isPublicAddress(address), address).to.equal(false);
    for (const address of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1']) {
      expect(isPublicAddress(address), address).to.equal(true);
    }
  });
});

describe('URIs of strangers', () => {
  it('attack 60: lead to http, https and ipfs only, and to no other path than they say', () => {
    const cid = `b${'a'.repeat(58)}`;
    expect(locationsOf('https://a.org/x')).to.deep.equal(['https://a.org/x']);
    expect(locationsOf(`ipfs://${cid}/m/`, ['https://g.io', 'http://h:1/'])).to.deep.equal([
      `https://g.io/ipfs/${cid}/m/`,
      `http://h:1/ipfs/${cid}/m/`,
    ]);
    for (const uri of [
      ...[
        'file:///etc/passwd',
        'data:,x',
        'ftp://a.org/',
        '//a.org',
        '/etc/passwd',
        'a.org',
        'javascript://x',
      ],
      ...[
        'gopher://a',
        'http:a.org',
        `ipfs://${cid}/../x`,
        `ipfs://${cid}/%2e%2e/x`,
        'ipfs://..',
        'ipfs://x',
      ],
      ...[
        `ipfs://${cid}?a`,
        `ipfs://${cid}#a`,
        `ipfs://${cid}\\..`,
        'ipfs://',
        '',
        `https://${'a'.repeat(3000)}`,
      ],
    ]) {
      expect(() => locationsOf(uri), uri).to.throw(RemoteError);
    }
    expect(below('https://a.org/m/?key=1', 'program/00')).to.equal('https://a.org/m/program/00?key=1');
  });
});

describe('what is got from strangers', () => {
  const servers: HostileServer[] = [];
  const getters: Getter[] = [];
  const serve = async (answer: (path: string, response: ServerResponse) => void): Promise<HostileServer> => {
    const server = await hostileServer((request, response) => answer(request.url ?? '', response));
    servers.push(server);
    return server;
  };
  const getting = (options: GetterOptions = {}): Getter => {
    const getter = new Getter({ idleMs: 300, ...options });
    getters.push(getter);
    return getter;
  };
  afterEach(async () => {
    for (const getter of getters.splice(0)) getter.close();
    for (const server of servers.splice(0)) await server.stop();
  });

  it('is what the server sends, from any byte on', async () => {
    const server = await serve((_, response) => response.end('hello'));
    const getter = getting({ allowPrivate: true });
    expect(Buffer.from((await getter.read(server.url, BOUNDS))!).toString()).to.equal('hello');
    const absent = await serve((_, response) => response.writeHead(404).end('none'));
    expect(await getter.read(absent.url, BOUNDS)).to.equal(undefined);
    expect((await getter.open(server.url, { ...BOUNDS, from: 2 }))?.start, 'no ranges here').to.equal(0);
  });

  it('attack 60: never comes from an inner address, however it is written', async () => {
    const server = await serve((_, response) => response.end('secret'));
    const { port } = new URL(server.url);
    const getter = getting();
    for (const host of [
      '127.0.0.1',
      'localhost',
      '127.1',
      '2130706433',
      '0x7f.1',
      '[::1]',
      '[::ffff:7f00:1]',
      '0',
    ]) {
      expect(await refusal(getter.read(`http://${host}:${port}/`, BOUNDS)), host).to.match(
        /no address of the public/,
      );
    }
    expect(await refusal(getter.read('http://169.254.169.254/latest/meta-data/', BOUNDS))).to.match(/public/);
    expect(await refusal(getter.read(`http://a:b@127.0.0.1:${port}/`, BOUNDS))).to.match(/password/);
    expect(server.asked).to.deep.equal([]);
  });

  it('attack 60: never comes from a name of an inner address, now or later', async () => {
    const server = await serve((_, response) => response.end('secret'));
    const { port } = new URL(server.url);
    let asked = 0;
    // The first time, the name means an address that would be asked.
    const rebinding = getting({
      resolve: (_, answer) => {
        asked++;
        answer(null, [{ address: asked === 1 ? '8.8.8.8' : '127.0.0.1', family: 4 }]);
      },
    });
    expect(await refusal(rebinding.read(`http://rebind.example:${port}/`, BOUNDS))).not.to.match(/public/);
    for (let i = 0; i < 3; i++) {
      expect(await refusal(rebinding.read(`http://rebind.example:${port}/`, BOUNDS))).to.match(/public/);
    }
    const mixed = getting({
      resolve: (_, answer) =>
        answer(null, [
          { address: '8.8.8.8', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]),
    });
    expect(await refusal(mixed.read(`http://mixed.example:${port}/`, BOUNDS))).to.match(/127\.0\.0\.1/);
    expect(server.asked).to.deep.equal([]);
  });

  it('attack 60: follows no redirect inwards, to another scheme, or for ever', async () => {
    const secret = await serve((_, response) => response.end('secret'));
    const server = await serve((path, response) => {
      const target = { '/inner': `${secret.url}/`, '/file': 'file:///etc/passwd' }[path] ?? '/again';
      response.writeHead(302, { location: target }).end();
    });
    // The first address is the operator's own; what it leads to is not.
    const getter = getting({ trustedOrigins: [server.url] });
    const own = { ...BOUNDS, isOwn: true };
    expect(await refusal(getter.read(`${server.url}/inner`, own))).to.match(/public/);
    expect(await refusal(getter.read(`${server.url}/file`, own))).to.match(/only http and https/);
    expect(await refusal(getter.read(`${server.url}/again`, own))).to.match(/redirects more than 5 times/);
    expect(server.asked.length).to.equal(8);
    expect(secret.asked).to.deep.equal([]);
  });

  it('attack 60: is got from a private mirror by the mirror alone, not by a stranger', async () => {
    const mirror = await serve((_, response) => response.end('bundle'));
    const trustedOrigins = [mirror.url];
    const getter = getting({ trustedOrigins });
    const asOwn = (uri: string, isMirror: boolean) => placesOf(uri, [`${mirror.url}/`], isMirror)[0]!;
    const cid = `b${'a'.repeat(58)}`;
    for (const { url, isOwn } of [asOwn(`${mirror.url}/m/`, true), asOwn(`ipfs://${cid}`, false)])
      expect(`${Buffer.from((await getter.read(url, { ...BOUNDS, isOwn }))!)}`).to.equal('bundle');
    const { url, isOwn } = asOwn(`${mirror.url}/admin/delete`, false);
    expect(await refusal(getter.read(url, { ...BOUNDS, isOwn }))).to.match(/no address of the public/);
    // Also not by a redirect of another server of the operator.
    const leading = await serve((_, response) =>
      response.writeHead(302, { location: `${mirror.url}/admin/delete` }).end(),
    );
    const both = getting({ trustedOrigins: [mirror.url, leading.url] });
    expect(await refusal(both.read(leading.url, { ...BOUNDS, isOwn: true }))).to.match(/no address of the/);
    expect(mirror.asked).to.deep.equal(['/m/', `/ipfs/${cid}`]);
  });

  it('attack 60: is bounded in size, whatever length is announced', async () => {
    const announced = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 2 ** 40 });
      response.write('x');
    });
    const endless = await serve((_, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', write);
      write();
    });
    const packed = await serve((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100_000))),
    );
    const getter = getting({ allowPrivate: true });
    expect(await refusal(getter.read(announced.url, BOUNDS))).to.match(/1099511627776 bytes/);
    expect(await refusal(getter.read(endless.url, BOUNDS))).to.match(/more than the 1000 bytes/);
    expect(await refusal(getter.read(packed.url, BOUNDS))).to.match(/compressed/);
    for (const { open } of [announced, endless, packed]) {
      while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

  it('attack 60: is bounded in time, if nothing comes, or a byte now and then', async () => {
    const silent = await serve(() => undefined);
    const stuck = await serve((_, response) => response.writeHead(200).write('x'));
    const dripping = await serve((_, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const getter = getting({ allowPrivate: true });
    expect(await refusal(getter.read(silent.url, BOUNDS))).to.match(/sends nothing for 0\.3 seconds/);
    expect(await refusal(getter.read(stuck.url, BOUNDS))).to.match(/sends nothing for 0\.3 seconds/);
    expect(await refusal(getter.read(dripping.url, { ...BOUNDS, seconds: 0.5 }))).to.match(/too long/);
    const demanding = getting({ allowPrivate: true, leastSpeed: { bytesPerSecond: 1000, windowMs: 300 } });
    expect(await refusal(demanding.read(dripping.url, BOUNDS))).to.match(/less than 1000 bytes a second/);
    const headers = await serve((_, response) => {
      const timer = setInterval(() => response.socket?.write('x'), 20);
      response.socket?.write('HTTP/1.1 200 OK\r\nx: ');
      response.on('close', () => clearInterval(timer));
    });
    expect(await refusal(demanding.read(headers.url, BOUNDS))).to.match(/less than 1000 bytes a second/);
    for (const { open } of [silent, stuck, dripping]) {
      while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

  it('attack 60: is refused as another part, another status, or no HTTP at all', async () => {
    const server = await serve((path, response) => {
      if (path === '/part') response.writeHead(206, { 'content-range': 'bytes 7-9/20' }).end('abc');
      else if (path === '/status') response.writeHead(503).end();
      else response.socket?.end('SSH-2.0-OpenSSH\r\n');
    });
    const getter = getting({ allowPrivate: true });
    expect(await refusal(getter.open(`${server.url}/part`, { ...BOUNDS, from: 3 }))).to.match(/another part/);
    expect(await refusal(getter.read(`${server.url}/status`, BOUNDS))).to.match(/status 503/);
    expect(await refusal(getter.read(`${server.url}/ssh`, BOUNDS))).to.match(/cannot be read/);
    expect(await refusal(getter.read('http://127.0.0.1:1/', BOUNDS))).to.match(
      / cannot be read: the connection is refused$/,
    );
  });
});
