#!/usr/bin/env python3
"""A credentials endpoint over mutual TLS for the tests: gives out what a script says, and notes who asked.

usage: credentials_server.py PORT CERT KEY CLIENT_CA SCRIPT LOG    127.0.0.1 only; prints "ready" when it listens

SCRIPT is a JSON object that is read for each request; all members are optional:
  status       HTTP status (200)
  raw          the body as it is, instead of credentials
  filler       so many bytes of spaces before the body
  hang         answer nothing
  shape        "iot" (default) or "container"
  key_id, secret, token   instead of those with the number of the request in them
  life_s       until they expire (3600)
  skew_s       by which this server's clock is ahead: in Date and in expiration
  date         false: no Date header
Each request is a line of LOG: time, method, path, thing name and the common name of the client's certificate.
"""
import datetime
import email.utils
import http.server
import json
import os
import ssl
import sys
import threading
import time

SCRIPT, LOG = sys.argv[5:7]
never = threading.Event()


def common_name(certificate):
    return next((v for field in certificate["subject"] for k, v in field if k == "commonName"), "")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self):
        Handler.count += 1
        number = Handler.count
        with open(SCRIPT) as file:
            script = json.load(file)
        with open(LOG, "a") as file:
            thing = self.headers.get("x-amzn-iot-thingname", "-")
            print(f"{time.monotonic():.3f}", self.command, self.path, thing,
                  common_name(self.connection.getpeercert()), file=file)
        if script.get("hang"):
            never.wait()
        now = time.time() + script.get("skew_s", 0)
        expiration = datetime.datetime.fromtimestamp(now + script.get("life_s", 3600), datetime.timezone.utc)
        values = [script.get("key_id", f"KEY{number}"), script.get("secret", f"canary-secret-{number}"),
                  script.get("token", f"canary-token-{number}"), expiration.strftime("%Y-%m-%dT%H:%M:%SZ")]
        if script.get("shape", "iot") == "iot":
            body = {"credentials": dict(zip(["accessKeyId", "secretAccessKey", "sessionToken", "expiration"], values))}
        else:
            body = dict(zip(["AccessKeyId", "SecretAccessKey", "Token", "Expiration"], values))
        content = " " * script.get("filler", 0) + script.get("raw", json.dumps(body))
        self.send_response_only(script.get("status", 200))
        if script.get("date", True):
            self.send_header("Date", email.utils.formatdate(now, usegmt=True))
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    # In the thread of the connection. Who is refused gets to read the alert: an end with unread bytes would overtake it.
    def finish_request(self, request, client_address):
        try:
            request.do_handshake()
        except OSError:
            raw = os.dup(request.fileno())
            os.set_blocking(raw, True)
            request.settimeout(5)
            while os.read(raw, 4096):
                pass
            os.close(raw)
            return
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass


def main():
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("ready", flush=True)
    server.serve_forever()


main()
