import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import type { Head } from '../../src/chain/endpoints/heads.ts';
import { webSocketTransport } from '../../src/chain/endpoints/webSocket.ts';

/** RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A text in one frame of a server, unmasked; RFC 6455, section 5.2. */
function frame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([Buffer.from([0x81, 126]), length, bytes]);
}

const told = (result: unknown): string => JSON.stringify({ method: 'eth_subscription', params: { result } });

describe('a node at a websocket', () => {
  it('may say anything: only heads with a header count, and nothing ends the process', async () => {
    const messages = [
      ...['null', '1', '"x"', '[]', '{{', '{"method":"eth_subscription"}', told(null), told('0x5')],
      ...['{"method":"eth_subscription","params":null}', told({ number: 'x', hash: '0x', timestamp: '0x1' })],
      ...[told({ number: `0x${'f'.repeat(30)}`, hash: '0x', timestamp: '0x1' }), told({ number: '0x5' })],
      ...[told({ number: '0x5', hash: '0x', timestamp: '0x7' }), '{"id":1,"result":"0x1"}'],
    ];
    const server = createServer();
    const sockets: Duplex[] = [];
    server.on('upgrade', ({ headers }, socket) => {
      sockets.push(socket);
      const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      // The first thing that it hears is the request for heads; the second is the question.
      let heard = 0;
      socket.on('data', () => {
        if (heard++ === 0) setTimeout(() => socket.write(Buffer.concat(messages.map(frame))), 100);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const heads: Head[] = [];
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = webSocketTransport(url, (head) => heads.push(head));
    const question = { id: 1, jsonrpc: '2.0' as const, method: 'eth_chainId', params: [] };
    expect(await transport.exchange([question], AbortSignal.timeout(5000))).to.deep.equal({
      ...{ id: 1, result: '0x1' },
    });
    expect(heads).to.deep.equal([{ number: 5, timestamp: 7 }]);
    transport.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
