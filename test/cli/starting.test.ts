import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { startCli } from '../support/cliProcess.ts';

describe('a service that is ended before it has started', () => {
  const sockets = new Set<Socket>();
  let silent: Server;
  let url: string;
  let connected: () => void = () => undefined;

  before(async () => {
    silent = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      connected();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  });

  after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  const ended = async (command: string[]): Promise<{ code: number | string; err: string }> => {
    const isConnected = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const service = startCli(...command, '--rpc', url, '--oracle', `0x${'11'.repeat(20)}`);
    await isConnected;
    service.kill('SIGTERM');
    return { code: await service.ended(), err: service.err };
  };

  const services = [['monitor'], ['explorer', '--port', '0'], ['watch', '--all', '--alert-only']];
  for (const service of services) {
    it(`ends with code 0: ${service[0]}`, async () => {
      const { code, err } = await ended(service);
      expect([code, err.trim()]).to.deep.equal([0, 'assay: SIGTERM: ended before it had started']);
    }).timeout(60_000);
  }

  it('is none if it looks once, which the signal then ends', async () => {
    expect((await ended(['monitor', '--once'])).code).to.equal('SIGTERM');
  }).timeout(60_000);
});
