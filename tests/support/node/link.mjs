// A link as it is between a viewer and a far store, imitated between a browser and a server on this machine: a TCP proxy
// through which each byte takes half a round trip, a connection one more round trip to be made, and all connections
// together share the rate. A connection begins with ten segments a round trip and doubles that (RFC 6928, RFC 5681);
// nothing is lost on the way.
import { connect, createServer } from 'node:net';

const SEGMENT_BYTES = 1460;
const INITIAL_SEGMENTS = 10;

// Gives what was put in, in order and not before its time.
class Delay {
  constructor(to) {
    this.to = to;
    this.last = Promise.resolve();
  }

  at(time, chunk) {
    this.last = this.last.then(async () => {
      const wait = time - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (!this.to.destroyed) this.to.write(chunk);
    });
  }
}

export function imitateLink(port, { roundTripMs, kbitPerSecond }) {
  const bytesPerMs = kbitPerSecond / 8;
  let freeAt = 0; // when the shared line has sent what it has
  const proxy = createServer((client) => {
    client.setNoDelay(true);
    const made = performance.now() + roundTripMs;
    const server = connect(port, '127.0.0.1');
    const up = new Delay(server);
    const down = new Delay(client);
    let windowBytes = SEGMENT_BYTES * INITIAL_SEGMENTS;
    let inWindow = 0;
    let windowAt = 0;
    client.on('data', (chunk) => up.at(Math.max(performance.now(), made) + roundTripMs / 2, chunk));
    server.on('data', (data) => {
      for (let at = 0; at < data.length; at += SEGMENT_BYTES) {
        const segment = data.subarray(at, at + SEGMENT_BYTES);
        if (inWindow + segment.length > windowBytes) {
          windowAt = Math.max(windowAt, performance.now()) + roundTripMs;
          windowBytes *= 2;
          inWindow = 0;
        }
        inWindow += segment.length;
        freeAt = Math.max(freeAt, windowAt, performance.now()) + segment.length / bytesPerMs;
        down.at(freeAt + roundTripMs / 2, segment);
      }
      // No more is taken from the server than the line can send soon, so that what is cancelled was not sent yet.
      server.pause();
      setTimeout(() => server.resume(), Math.max(0, freeAt - performance.now() - roundTripMs));
    });
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  return new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(proxy)));
}
