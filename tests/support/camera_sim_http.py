#!/usr/bin/env python3
"""The HTTP side of simulated cameras: pictures, live streams, ONVIF (camera_sim_onvif.py). Needs ffmpeg for streams.

Digest (or Basic) is asked for on everything but ONVIF's GetSystemDateAndTime. n counts cameras from 1.
  Hikvision  GET /ISAPI/Streaming/channels/<n>01/picture, or /ISAPI/ContentMgmt/StreamingProxy/channels/...; GET
             /ISAPI/System/deviceInfo
  Dahua      GET /cgi-bin/snapshot.cgi?channel=<n>: one at a time, others meanwhile get 503; GET /cgi-bin/magicBox.cgi
  pictures   GET /sim/pictures says what goes wrong with them, and counts them (camera_sim_pictures.py)
  events     GET /ISAPI/Event/notification/alertStream, GET /cgi-bin/eventManager.cgi (camera_sim_events.py); GET /sim/...
             controls them, and needs no password
  ONVIF      POST /onvif/device_service, /onvif/media_service, /onvif/event_service; GET /onvif/snapshot/<token>
  streams    GET /live/<n>.flv | .ts | .mp4 | .mjpg: endless, in real time. ?end_after=S closes the connection,
             ?fps=F is the rate of .mjpg
             GET /hls/index.m3u8 (with --hls: camera 1 in segments), GET /media/<n>: the file as it is
  hostile    GET /hostile/file.m3u8 leads to a file of the reader's machine; /hostile/big never ends, /hostile/text is no
             picture
"Listening" goes to stdout when the port is open. SIGTERM ends it.
"""
import argparse
import hashlib
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import camera_sim_events
import camera_sim_onvif
import camera_sim_pictures
import camera_sim_pullpoint

REALM = 'IP Camera(SIM00001)'
DEVICE_INFO = ('<?xml version="1.0" encoding="UTF-8"?><DeviceInfo version="2.0" '
               'xmlns="http://www.hikvision.com/ver20/XMLSchema"><deviceName>SIM</deviceName><model>SIM-2CD</model>'
               '<serialNumber>SIM00001</serialNumber><firmwareVersion>V5.5.0</firmwareVersion>'
               '<firmwareReleasedDate>build 180725</firmwareReleasedDate></DeviceInfo>')
MAGIC_BOX = {'getSystemInfo': 'appAutoStart=true\r\ndeviceType=31\r\nprocessor=SIM\r\nserialNumber=SIM00002\r\n',
             'getDeviceType': 'type=SIM-HDW\r\n', 'getMachineName': 'name=SIM2\r\n',
             'getSoftwareVersion': 'version=2.800.0.16.R,build:2026-06-05\r\n'}
FORMATS = {
    'flv': ('video/x-flv', ['-f', 'flv', '-flvflags', 'no_duration_filesize']),
    'ts': ('video/mp2t', ['-f', 'mpegts']),
    'mp4': ('video/mp4', ['-f', 'mp4', '-frag_duration', '200000', '-movflags', 'empty_moov+default_base_moof']),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('media', 'mjpeg', 'user', 'password', 'cert', 'key', 'onvif-host'):
        parser.add_argument('--' + name, default='')
    parser.add_argument('--auth', default='digest', choices=['digest', 'basic'])
    parser.add_argument('--onvif-auth', default='both', choices=['digest', 'wsse', 'both'])
    parser.add_argument('--onvif-services', default='both', choices=['new', 'old', 'both'])
    parser.add_argument('--events', default='query', choices=['query', 'axis', 'none'])
    parser.add_argument('--renew', default='yes', choices=['yes', 'no'])
    parser.add_argument('--wsd', default='', help='the IPv4 address where WS-Discovery is answered')
    for name, value in (('port', 8080), ('cameras', 1), ('rtsp-port', 8554)):
        parser.add_argument('--' + name, type=int, default=value)
    for name, value in (('delay', 0), ('clock-offset', 0), ('lease', 3600)):
        parser.add_argument('--' + name, type=float, default=value)
    parser.add_argument('--hls', action='store_true')
    options = parser.parse_args()
    options.media = [path for path in options.media.split(',') if path]
    return options


def jpegs_of(path):
    """The pictures of a motion JPEG file."""
    if not path:
        return []
    raw = subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-an', '-c', 'copy', '-f', 'mjpeg', '-'],
                         stdout=subprocess.PIPE, check=True).stdout
    return [b'\xff\xd8\xff' + part for part in raw.split(b'\xff\xd8\xff')[1:]]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Simulator:
    """What all requests share."""

    def __init__(self, options):
        self.options = options
        self.pictures = jpegs_of(options.mjpeg)
        self.stills = camera_sim_pictures.Pictures(options.delay)
        self.begin = time.monotonic()
        self.nonces = set()
        self.refusals = 0  # 401, those included that begin each Digest
        self.dahua = threading.Lock()
        self.events = camera_sim_events.Events()
        self.pullpoints = camera_sim_pullpoint.PullPoints(options, self.events,
                                                          lambda: camera_sim_onvif.camera_time(options))
        self.children = set()
        self.hls = tempfile.TemporaryDirectory(prefix='vedette-hls-')
        if options.hls:
            self.spawn(options.media[0], ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '6', '-hls_flags',
                                          'delete_segments', self.hls.name + '/index.m3u8'])

    def spawn(self, media, output, **how):
        child = subprocess.Popen(['ffmpeg', '-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', media, '-map',
                                  '0', '-c', 'copy', *output], stderr=subprocess.DEVNULL, **how)
        self.children.add(child)
        return child

    def picture(self, channel, fps=10):
        return self.pictures[(int((time.monotonic() - self.begin) * fps) + 7 * channel) % len(self.pictures)]

    def end(self):
        for child in list(self.children):
            child.kill()
        self.hls.cleanup()


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 60
    sim = None

    def log_message(self, *_):
        pass

    def answer(self, status, body=b'', content_type='text/plain', headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    # ---- who may

    def authorized(self):
        options = self.sim.options
        given = self.headers.get('Authorization', '')
        if not options.user:
            return True
        if options.auth == 'basic':
            return given.startswith('Basic ') and b64decode(given[6:]).decode() == f'{options.user}:{options.password}'
        if not given.startswith('Digest '):
            return False
        d = {k: a or b for k, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', given)}
        secret = md5(f'{options.user}:{REALM}:{options.password}')
        request = md5(f"{self.command}:{d.get('uri')}")
        middle = [d.get('nonce', '')] + ([d.get('nc', ''), d.get('cnonce', ''), d['qop']] if d.get('qop') else [])
        return (d.get('nonce') in self.sim.nonces and d.get('username') == options.user and
                d.get('uri') == self.path and d.get('response') == md5(':'.join([secret, *middle, request])))

    def challenge(self):
        self.sim.refusals += 1
        self.sim.stills.wrong += 'Authorization' in self.headers
        nonce = os.urandom(16).hex()
        self.sim.nonces.add(nonce)
        how = f'Basic realm="{REALM}"' if self.sim.options.auth == 'basic' else \
            f'Digest qop="auth", realm="{REALM}", nonce="{nonce}"'
        self.answer(401, 'Unauthorized', headers=[('WWW-Authenticate', how)])

    # ---- pictures

    def snapshot(self, channel, analogue_path=False):
        if not 1 <= channel <= self.sim.options.cameras or not self.sim.pictures:
            return self.answer(404, 'no such channel')
        return self.sim.stills.send(self, self.sim.picture(channel), analogue_path)

    def dahua_snapshot(self, channel):
        if not self.sim.dahua.acquire(blocking=False):
            return self.answer(503, 'busy')
        try:
            return self.snapshot(channel)
        finally:
            self.sim.dahua.release()

    # ---- streams

    def begin_stream(self, content_type):
        self.close_connection = True
        self.send_response(200)
        self.send_header('Content-Type', content_type)
        self.send_header('Connection', 'close')
        self.end_headers()

    def send_live(self, parts, end_after):
        """The parts as they come, until the end that was asked for."""
        begin = time.monotonic()
        for part in parts:
            self.wfile.write(part)
            if end_after and time.monotonic() - begin > end_after:
                return

    def live_jpegs(self, channel, fps):
        due = time.monotonic()
        while True:
            picture = self.sim.picture(channel, fps)
            yield (b'--myboundary\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n' % len(picture) + picture +
                   b'\r\n')
            due += 1 / fps
            time.sleep(max(0, due - time.monotonic()))

    def live_media(self, channel, output):
        media = self.sim.options.media[(channel - 1) % len(self.sim.options.media)]
        child = self.sim.spawn(media, [*output, '-'], stdout=subprocess.PIPE)
        try:
            while part := child.stdout.read1(65536):
                yield part
        finally:
            child.kill()
            child.wait()
            self.sim.children.discard(child)

    def live(self, channel, kind, query):
        if not 1 <= channel <= self.sim.options.cameras:
            return self.answer(404, 'no such channel')
        end_after = float(query.get('end_after', ['0'])[0])
        if kind == 'mjpg':
            self.begin_stream('multipart/x-mixed-replace; boundary=myboundary')
            return self.send_live(self.live_jpegs(channel, float(query.get('fps', ['10'])[0])), end_after)
        content_type, output = FORMATS[kind]
        self.begin_stream(content_type)
        return self.send_live(self.live_media(channel, output), end_after)

    def hls(self, name):
        path = Path(self.sim.hls.name, name)
        patience = time.monotonic() + 10
        while name == 'index.m3u8' and not path.exists() and time.monotonic() < patience:
            time.sleep(0.05)
        kind = 'application/vnd.apple.mpegurl' if name.endswith('.m3u8') else 'video/mp2t'
        return self.answer(200, path.read_bytes(), kind) if path.exists() else self.answer(404)

    def hostile(self, name):
        if name == 'file.m3u8':
            return self.answer(200, '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://' + self.sim.options.media[0] +
                               '\n', 'application/vnd.apple.mpegurl')
        if name == 'text':
            return self.answer(200, 'not a picture', 'image/jpeg')
        self.begin_stream('image/jpeg')
        self.wfile.write(b'\xff\xd8\xff')
        while True:
            self.wfile.write(b'\0' * 65536)

    def do_GET(self):
        url = urlsplit(self.path)
        query, path = parse_qs(url.query), unquote(url.path)
        if path == '/sim/pictures':
            return self.answer(200, self.sim.stills.control(query))
        if path == '/sim/pullpoints':
            return self.answer(200, self.sim.pullpoints.figures())
        if path.startswith('/sim/'):
            self.sim.events.control(path, query)
            return self.answer(200, str(self.sim.refusals))
        if not self.authorized():
            return self.challenge()
        try:
            if match := re.fullmatch(r'/ISAPI/Streaming/channels/(\d+)0[123]/picture', path):
                return self.snapshot(int(match[1]), analogue_path=True)
            if match := re.fullmatch(r'/ISAPI/ContentMgmt/StreamingProxy/channels/(\d+)0[123]/picture', path):
                return self.snapshot(int(match[1]))
            if path == '/ISAPI/Event/notification/alertStream':
                self.begin_stream('multipart/mixed; boundary=boundary')
                return self.send_live(camera_sim_events.hikvision(self.sim.events), 0)
            if path == '/cgi-bin/eventManager.cgi' and query['action'] == ['attach']:
                self.begin_stream('multipart/x-mixed-replace; boundary=myboundary')
                return self.send_live(camera_sim_events.dahua(self.sim.events), 0)
            if path == '/ISAPI/System/deviceInfo':
                return self.answer(200, DEVICE_INFO, 'application/xml')
            if path == '/cgi-bin/magicBox.cgi' and query['action'][0] in MAGIC_BOX:
                return self.answer(200, MAGIC_BOX[query['action'][0]])
            if path == '/cgi-bin/snapshot.cgi':
                return self.dahua_snapshot(int(query['channel'][0]))
            if match := re.fullmatch(r'/onvif/snapshot/ch(\d+)_\w+', path):
                return self.snapshot(int(match[1]))
            if match := re.fullmatch(r'/live/(\d+)\.(flv|ts|mp4|mjpg)', path):
                return self.live(int(match[1]), match[2], query)
            if match := re.fullmatch(r'/hls/([\w.]+)', path):
                return self.hls(match[1])
            if match := re.fullmatch(r'/media/(\d+)', path):
                return self.answer(200, Path(self.sim.options.media[int(match[1]) - 1]).read_bytes(), 'video/mp4')
            if match := re.fullmatch(r'/hostile/([\w.]+)', path):
                return self.hostile(match[1])
            return self.answer(404, 'not found')
        except OSError:  # the other side has gone
            self.close_connection = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)).decode(errors='replace')
        host = self.headers.get('Host', '')
        status, answer = camera_sim_onvif.answer(body, self.path, self.sim, host, self.authorized)
        if status == 401:
            return self.challenge()
        return self.answer(status, answer, 'application/soap+xml; charset=utf-8')


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def main():
    options = arguments()
    sim = Simulator(options)
    Handler.sim = sim
    server = Server(('127.0.0.1', options.port), Handler)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    if options.wsd:
        camera_sim_onvif.start_discovery(options)

    def stop(*_):
        sim.end()
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    print('Listening', flush=True)
    server.serve_forever()


if __name__ == '__main__':
    sys.exit(main())
