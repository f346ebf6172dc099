#!/usr/bin/env python3
"""A small HTTP/1.1 server for the tests of net/: each path behaves in one way.

usage: http_server.py PORT [CERT KEY]     127.0.0.1 only; prints "ready" when it listens
"""
import hashlib
import http.server
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time

USER, PASSWORD, REALM, NONCE = "viewer", "pa:ss w\u00f6rd", "camera", "5f1d2c"
never = threading.Event()


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self):
        Handler.connections += 1
        super().setup()

    def handle_expect_100(self):
        if self.path == "/refused":
            self.answer(403, b"no", close=True)
            return False
        return super().handle_expect_100()

    def answer(self, status, body=b"", headers=(), close=False):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def read_body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def digest_is_right(self):
        given = self.headers.get("Authorization", "")
        field = dict((k, a or b) for k, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', given))
        if not given.startswith("Digest ") or field.get("username") != USER:
            return False
        ha1 = md5(f"{USER}:{REALM}:{PASSWORD}")
        ha2 = md5(f"{self.command}:{field['uri']}")
        right = md5(":".join([ha1, field["nonce"], field["nc"], field["cnonce"], field["qop"], ha2]))
        return field["response"] == right and field["uri"] == self.path

    def do(self):
        path = self.path.split("?")[0]
        if path == "/stall":
            never.wait()
        elif path == "/stall-in-body":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
            self.wfile.flush()
            never.wait()
        elif path == "/reads-nothing":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            never.wait()
        elif path == "/reads-slowly":  # on the way for seconds when it has left the program
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            left = int(self.headers["Content-Length"])
            while left > 0:
                left -= len(self.rfile.read(min(left, 50_000)))
                never.wait(0.1)
            self.answer(200)
        elif path == "/truncated":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
            self.close_connection = True
        elif path == "/reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif path == "/garbage":
            self.wfile.write(b"\x00\x01\x02 what?\r\n" * 10)
            self.close_connection = True
        elif path == "/long-header":  # no client takes that
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500_000 + b"\r\nContent-Length: 0\r\n\r\n")
            self.close_connection = True
        elif path == "/drip":  # slow, but never still for long
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            for _ in range(10):
                self.wfile.write(b"x")
                self.wfile.flush()
                never.wait(0.1)
        elif path == "/endless":
            self.send_response(200)
            self.send_header("X-Test", "head")
            self.end_headers()
            while True:
                self.wfile.write(b"part\n" * 1000)
                self.wfile.flush()
                never.wait(0.02)
        elif path == "/measure":  # when the first byte of the body came, and when the last
            left = int(self.headers["Content-Length"])
            left -= len(self.rfile.read(1))
            first = time.monotonic()
            while left > 0:
                left -= len(self.rfile.read(min(left, 8192)))
            self.answer(200, f"{first} {time.monotonic()}".encode())
        elif path == "/big":
            self.answer(200, b"x" * 100_000)
        elif path == "/redirect":
            self.answer(302, b"", [("Location", "/echo")])
        elif path == "/digest":
            self.read_body()
            if self.digest_is_right():
                self.answer(200, b"welcome")
            else:
                offer = f'Digest realm="{REALM}", nonce="{NONCE}", qop="auth", algorithm=MD5'
                self.answer(401, b"who?", [("WWW-Authenticate", offer)])
        elif path == "/fields":
            self.answer(200, b"", [("X-Twice", "a"), ("X-Twice", "b"), ("X-Blank", "  c  ")])
        elif path.startswith("/status/"):
            self.read_body()
            self.answer(int(path[8:]), b"as asked")
        else:
            body = self.read_body()
            text = json.dumps({"method": self.command, "target": self.path, "length": len(body),
                               "content_length": self.headers.get("Content-Length"),
                               "expect": self.headers.get("Expect"), "x_test": self.headers.get("X-Test"),
                               "content_type": self.headers.get("Content-Type"),
                               "sha256": hashlib.sha256(body).hexdigest(), "connections": Handler.connections})
            self.answer(200, text.encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def main():
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        if os.environ.get("TLS_MOST") == "1.1":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


main()
