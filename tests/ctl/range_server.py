#!/usr/bin/env python3
"""An object store as far as a download sees one: serves the files of a folder, ranges included.

range_server.py PORT FOLDER
"/no-range/NAME" ignores the range, "/busy/NAME" answers every other request with 503, "/changing/NAME" has another ETag each time.
"""
import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    requests = 0

    def do_GET(self):
        Handler.requests += 1
        kind, _, name = self.path.split('?')[0].strip('/').rpartition('/')
        if 'X-Amz-Signature=expired' in self.path:
            return self.answer(403, b'<Error><Code>AccessDenied</Code></Error>')
        if kind == 'busy' and Handler.requests % 2:
            return self.answer(503, b'<Error><Code>SlowDown</Code></Error>')
        try:
            with open(os.path.join(sys.argv[2], name), 'rb') as file:
                content = file.read()
        except OSError:
            return self.answer(404, b'<Error><Code>NoSuchKey</Code></Error>')
        self.etag = f'"{Handler.requests}"' if kind == 'changing' else f'"{hash(content)}"'
        if self.headers.get('If-Match', self.etag) != self.etag:
            return self.answer(412, b'<Error><Code>PreconditionFailed</Code></Error>')
        wanted = self.headers.get('Range')
        if not wanted or kind == 'no-range':
            return self.answer(200, content)
        first, last = (int(part) for part in wanted.removeprefix('bytes=').split('-'))
        if first >= len(content):
            return self.answer(416, b'')
        last = min(last, len(content) - 1)
        self.answer(206, content[first:last + 1], f'bytes {first}-{last}/{len(content)}')

    def answer(self, status, body, content_range=None):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        if content_range:
            self.send_header('Content-Range', content_range)
        if status < 300:
            self.send_header('ETag', self.etag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
