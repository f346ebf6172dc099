#!/usr/bin/env python3
"""A small backend for devices with upload.target "grant" (docs/integration/uploads.md): it holds the key of a bucket and
gives out presigned URLs, one for each object or part, to devices that ask over MQTT. Python 3 and python3-paho-mqtt.

It is meant to be read and changed: what a device may store is decided in Backend.check(). Several processes share the
work when they subscribe with --share NAME.
"""
import argparse
import collections
import datetime
import hashlib
import hmac
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree as xml

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties



class Refusal(Exception):
    """What the device gets instead of a grant. denied: it must not; failed: try again later."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.answer = {'status': status, 'code': code, 'message': message}


def quote(text, safe=''):
    return urllib.parse.quote(text, safe=safe + '-_.~')


def now(and_s=0):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=and_s)


def rfc3339(time):
    return time.isoformat(timespec='milliseconds').replace('+00:00', 'Z')


class Bucket:
    """Presigned requests (AWS Signature Version 4) about the objects of one bucket, path-style."""

    def __init__(self, endpoint, bucket, region, key_id, secret):
        self.endpoint, self.host = endpoint.rstrip('/'), urllib.parse.urlsplit(endpoint).netloc
        self.bucket, self.region, self.key_id, self.secret = bucket, region, key_id, secret

    def presign(self, method, key, ttl_s, query=(), headers=()):
        """The URL. The headers are signed: whoever uses it must send them as they are. When x-amz-content-sha256 is
        among them the store takes no other content."""
        time = now()
        date, stamp = time.strftime('%Y%m%d'), time.strftime('%Y%m%dT%H%M%SZ')
        scope = f'{date}/{self.region}/s3/aws4_request'
        signed = {'host': self.host, **{name.lower(): value for name, value in dict(headers).items()}}
        names = ';'.join(sorted(signed))
        query = {**dict(query), 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Credential': f'{self.key_id}/{scope}',
                 'X-Amz-Date': stamp, 'X-Amz-Expires': str(ttl_s), 'X-Amz-SignedHeaders': names}
        line = '&'.join(f'{quote(name)}={quote(value)}' for name, value in sorted(query.items()))
        path = f'/{quote(self.bucket)}/{quote(key, "/")}'
        canonical = '\n'.join([method, path, line, *(f'{name}:{signed[name]}' for name in sorted(signed)), '', names,
                               signed.get('x-amz-content-sha256', 'UNSIGNED-PAYLOAD')])
        to_sign = '\n'.join(['AWS4-HMAC-SHA256', stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        secret = f'AWS4{self.secret}'.encode()
        for word in (date, self.region, 's3', 'aws4_request', to_sign):
            secret = hmac.digest(secret, word.encode(), 'sha256')
        return f'{self.endpoint}{path}?{line}&X-Amz-Signature={secret.hex()}'

    def call(self, method, key, query=(), headers=(), body=None):
        """Carries out a request itself: (status, headers, body)."""
        request = urllib.request.Request(self.presign(method, key, 60, query, headers), body, dict(headers),
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()
        except OSError as error:
            raise Refusal('failed', 'busy', 'the store is not reached') from error


class Backend:
    def __init__(self, bucket, ttl_s, most_bytes, plain):
        self.bucket, self.ttl_s, self.most_bytes, self.plain = bucket, ttl_s, most_bytes, plain
        self.begun = collections.OrderedDict()  # request id -> upload id: a request may come twice

    def check(self, device, p):
        """What a device may store. Everything in `p` was written by the device, which may be stolen."""
        if not re.fullmatch(rf'(?:[a-z0-9_-]+/)*{re.escape(device)}/[A-Za-z0-9._/-]+', p['object_key']) or \
                '..' in p['object_key']:
            raise Refusal('denied', 'forbidden', 'the object_key is not one of this device')
        if not re.fullmatch('[0-9a-f]{64}', p['sha256']):
            raise Refusal('denied', 'invalid_argument', 'sha256 must be 64 hex digits')
        if not 0 < p['size_bytes'] <= self.most_bytes:
            raise Refusal('denied', 'no_space', f'an object may have {self.most_bytes} bytes')

    def headers(self, p):
        """What the object is stored with."""
        what = p['kind'] if p['kind'] in ('snapshot', 'diagnostics') else 'clip'  # whose a manifest and a poster are
        of_camera = {'x-amz-meta-camera': p['camera_id']} if 'camera_id' in p else {}  # diagnostics are of none
        return {'content-type': p['content_type'], 'x-amz-meta-sha256': p['sha256'], f'x-amz-meta-{what}-id': p['subject_id'],
                **of_camera, 'x-amz-meta-start': p['start'], 'x-amz-meta-end': p['end']}

    def bound_to(self, sha256):
        """Signed with the URL, it makes that good for one content only. Not every store takes it (Swift does not)."""
        return {} if self.plain else {'x-amz-content-sha256': sha256}

    def look(self, p):
        """What the store has under the key, as it says itself; None: nothing."""
        status, headers, _ = self.bucket.call('HEAD', p['object_key'])
        if status == 404:
            return None
        if status != 200:
            raise Refusal('failed', 'busy', f'the store answers HTTP {status} to a look')
        seen = {'etag': headers['ETag'].strip('"'), 'size_bytes': int(headers['Content-Length']),
                'sha256': headers.get('x-amz-meta-sha256', '')}
        if (seen['size_bytes'], seen['sha256']) != (p['size_bytes'], p['sha256']):
            raise Refusal('denied', 'conflict', 'the store holds another object under this key')
        return seen

    def grant(self, device, request_id, p):
        self.check(device, p)
        seen = None if 'upload_id' in p else self.look(p)
        if seen:
            return {'already_there': True, **seen}
        expires = {'expires_at': rfc3339(now(self.ttl_s))}
        if 'parts' not in p:
            headers = {**self.headers(p), **self.bound_to(p['sha256']), **({} if self.plain else {'if-none-match': '*'})}
            url = self.bucket.presign('PUT', p['object_key'], self.ttl_s, headers=headers)
            return {'method': 'PUT', 'url': url, 'headers': headers, **expires}
        upload_id = p.get('upload_id') or self.begun.get(request_id) or self.create(request_id, p)
        parts = []
        for part in p['parts']:
            headers = self.bound_to(part['sha256'])
            query = {'partNumber': str(part['number']), 'uploadId': upload_id}
            url = self.bucket.presign('PUT', p['object_key'], self.ttl_s, query, headers)
            parts.append({'number': part['number'], 'url': url, 'headers': headers})
        return {'upload_id': upload_id, 'parts': parts, **expires}

    def create(self, request_id, p):
        status, _, body = self.bucket.call('POST', p['object_key'], {'uploads': ''}, self.headers(p), b'')
        if status != 200:
            raise Refusal('failed', 'busy', f'the store answers HTTP {status} to create')
        upload_id = xml.fromstring(body).findtext('{*}UploadId')
        if len(self.begun) >= 1000:
            self.begun.popitem(last=False)
        return self.begun.setdefault(request_id, upload_id)

    def complete(self, device, _, p):
        self.check(device, p)
        if p.get('abort'):
            self.bucket.call('DELETE', p['object_key'], {'uploadId': p['upload_id']})
            return {}
        seen = self.look(p)  # it may have been completed before, and the answer lost
        if not seen and 'upload_id' in p:
            self.complete_parts(p)
            seen = self.look(p)
        if not seen:
            raise Refusal('failed', 'not_found', 'the store does not have the object')
        return seen

    def complete_parts(self, p):
        root = xml.Element('CompleteMultipartUpload', xmlns='http://s3.amazonaws.com/doc/2006-03-01/')
        for part in p['parts']:
            element = xml.SubElement(root, 'Part')
            xml.SubElement(element, 'PartNumber').text = str(part['number'])
            xml.SubElement(element, 'ETag').text = f'"{part["etag"]}"'
        status, _, body = self.bucket.call('POST', p['object_key'], {'uploadId': p['upload_id']}, {}, xml.tostring(root))
        if status == 200 and b'<Error>' not in body:  # an error may come inside a 200
            return
        gone = self.bucket.call('GET', p['object_key'], {'uploadId': p['upload_id']})[0] == 404
        if gone or any(code in body for code in (b'InvalidPart', b'EntityTooSmall', b'NoSuchUpload')):
            raise Refusal('failed', 'not_found', 'the store does not know this upload, or these parts')
        raise Refusal('failed', 'busy', f'the store answers HTTP {status} to complete')

    def answer(self, device, verb, request_id, params):
        handlers = {'upload.grant': self.grant, 'upload.complete': self.complete}
        if verb not in handlers:
            return {'status': 'denied', 'code': 'unsupported', 'message': 'there is no such request'}
        try:
            return {'status': 'succeeded', 'result': handlers[verb](device, request_id, params)}
        except Refusal as refusal:
            return refusal.answer
        except (KeyError, TypeError, ValueError, AttributeError):
            return {'status': 'denied', 'code': 'invalid_argument', 'message': 'the request is not understood'}


def serve(args, backend):
    pattern = re.compile(re.escape(args.topic_root) + r'/v1/([a-z0-9][a-z0-9_-]{0,62})/request/([a-z.]+)')

    def on_connect(client, *_):
        client.subscribe((f'$share/{args.share}/' if args.share else '') + f'{args.topic_root}/v1/+/request/+', qos=1)

    def on_message(client, _, message):
        try:
            device, verb = pattern.fullmatch(message.topic).groups()
            request = json.loads(message.payload)
            request_id = str(uuid.UUID(request['id']))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return  # there is nobody to answer
        answer = {'v': 1, 'id': str(uuid.uuid4()), 'request_id': request_id, 'ts': rfc3339(now()),
                  **backend.answer(device, verb, request_id, request.get('params'))}
        # To the device of the topic, which the broker has checked, and not where a Response Topic may point.
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType, properties.PayloadFormatIndicator = 'application/json', 1
        properties.CorrelationData, properties.MessageExpiryInterval = request_id.encode(), args.ttl
        properties.UserProperty = ('schema', f'vedette/v1/response/{verb}')
        client.publish(f'{args.topic_root}/v1/{device}/response/{verb}', json.dumps(answer), 1, properties=properties)
        print(device, verb, answer['status'], answer.get('message', ''), flush=True)  # never the result: it is a key

    client = mqtt.Client(protocol=mqtt.MQTTv5)
    client.on_connect, client.on_message = on_connect, on_message
    broker = urllib.parse.urlsplit(args.broker)
    if broker.scheme == 'mqtts':
        client.tls_set(args.ca_file)
    client.username_pw_set(broker.username, broker.password)
    client.connect(broker.hostname, broker.port or (8883 if broker.scheme == 'mqtts' else 1883))
    client.loop_forever(retry_first_connection=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog='''
example:
  examples/grant_backend.py --broker mqtts://backend:PASSWORD@broker:8883 --endpoint https://s3.example --bucket clips \\
      --access-key-id-file key-id --secret-access-key-file secret''')
    parser.add_argument('--broker', default='mqtt://127.0.0.1:1883', help='mqtt[s]://[user:password@]host[:port]')
    parser.add_argument('--ca-file', help="of the broker; default: the system's")
    parser.add_argument('--topic-root', default='vedette')
    parser.add_argument('--share', help='name of a shared subscription')
    parser.add_argument('--endpoint', required=True, help='of the store, as the devices reach it')
    parser.add_argument('--bucket', required=True)
    parser.add_argument('--region', default='us-east-1')
    parser.add_argument('--access-key-id-file', required=True, type=open)
    parser.add_argument('--secret-access-key-file', required=True, type=open)
    parser.add_argument('--ttl', type=int, default=900, help='for how many seconds a URL works (%(default)s)')
    parser.add_argument('--max-bytes', type=int, default=16 << 30, help='of an object (%(default)s)')
    parser.add_argument('--plain', action='store_true', help='for stores that know no conditional writes and no signed '
                        'hash of the content in URLs, as Swift: a URL is then good for any content')
    args = parser.parse_args()
    keys = [file.read().strip() for file in (args.access_key_id_file, args.secret_access_key_file)]
    serve(args, Backend(Bucket(args.endpoint, args.bucket, args.region, *keys), args.ttl, args.max_bytes, args.plain))


if __name__ == '__main__':
    sys.exit(main())
