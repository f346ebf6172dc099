"""ONVIF (Profile S) of camera_sim_http.py: SOAP answers, and answers to WS-Discovery.

The profiles of camera n are ch<n>_main and ch<n>_sub. Addresses in answers have the host that was asked, or
--onvif-host, as behind a router. --clock-offset is how far the camera's clock is ahead; WS-UsernameToken must have been
created within 5 s of it.
"""
import datetime
import re
import socket
import threading
from base64 import b64decode, b64encode
from hashlib import sha1
from html import unescape

NAMESPACES = ('xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
              'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" '
              'xmlns:ter="http://www.onvif.org/ver10/error"')
PROFILE = ('<trt:Profiles token="{0}" fixed="true"><tt:Name>{0}</tt:Name><tt:VideoEncoderConfiguration token="ve">'
           '<tt:Name>ve</tt:Name><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>{1}</tt:Width>'
           '<tt:Height>{2}</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration></trt:Profiles>')


def envelope(body):
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {NAMESPACES}><s:Body>{body}</s:Body></s:Envelope>'


def fault(subcode, text):
    return envelope(f'<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode>'
                    f'</s:Code><s:Reason><s:Text xml:lang="en">{text}</s:Text></s:Reason></s:Fault>')


def text_of(body, tag):
    match = re.search(r'<(?:[\w-]+:)?%s\b[^>]*>([^<]*)<' % tag, body)
    return unescape(match[1].strip()) if match else ''


def camera_time(options):
    return datetime.datetime.utcnow() + datetime.timedelta(seconds=options.clock_offset)


def token_is_good(body, options):
    if text_of(body, 'Username') != options.user or not text_of(body, 'Nonce'):
        return False
    created = text_of(body, 'Created')
    age = abs((datetime.datetime.fromisoformat(created.rstrip('Z')) - camera_time(options)).total_seconds())
    digest = sha1(b64decode(text_of(body, 'Nonce')) + created.encode() + options.password.encode()).digest()
    return age < 5 and text_of(body, 'Password') == b64encode(digest).decode()


def date_and_time(options):
    now = camera_time(options)
    return (f'<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:UTCDateTime><tt:Time>'
            f'<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>'
            f'</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>'
            f'</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime>')


def respond(operation, body, options, host):
    """The content of the answer; None: the camera does not know that."""
    here = (options.onvif_host or host.split(':')[0])
    base = f'http://{here}:{options.port}'
    token = text_of(body, 'ProfileToken')
    if operation == 'GetSystemDateAndTime':
        return 'tds', date_and_time(options)
    if operation == 'GetDeviceInformation':
        return 'tds', ('<tds:Manufacturer>SIM</tds:Manufacturer><tds:Model>SIM-2CD</tds:Model>'
                       '<tds:FirmwareVersion>1.2.3</tds:FirmwareVersion><tds:SerialNumber>SIM00003</tds:SerialNumber>')
    if operation == 'GetCapabilities':
        return 'tds', (f'<tds:Capabilities><tt:Device><tt:XAddr>{base}/onvif/device_service</tt:XAddr></tt:Device>'
                       f'<tt:Media><tt:XAddr>{base}/onvif/media_service</tt:XAddr></tt:Media></tds:Capabilities>')
    if operation == 'GetProfiles':
        sizes = (('main', 1920, 1080), ('sub', 640, 360))
        return 'trt', ''.join(PROFILE.format(f'ch{n}_{name}', width, height)
                              for n in range(1, options.cameras + 1) for name, width, height in sizes)
    match = re.fullmatch(r'ch(\d+)_(main|sub)', token)
    if operation not in ('GetStreamUri', 'GetSnapshotUri') or not match:
        return None
    if operation == 'GetSnapshotUri':
        uri = f'{base}/onvif/snapshot/{token}'
    else:
        uri = (f'rtsp://{here}:{options.rtsp_port}/Streaming/Channels/{match[1]}0{1 if match[2] == "main" else 2}'
               f'?transportmode=unicast&amp;profile={token}')
    return 'trt', f'<trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>'


def answer(body, path, options, host, digest_is_good):
    """Status and body; 401 asks for Digest."""
    match = re.search(r'<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)', body)
    operation = match[1] if match else ''
    if options.user and operation != 'GetSystemDateAndTime':
        how = options.onvif_auth
        good = (how != 'digest' and token_is_good(body, options)) or (how != 'wsse' and digest_is_good())
        if not good:
            return (400, fault('ter:NotAuthorized', 'Sender not authorized')) if how == 'wsse' else (401, '')
    if ('media' in path) != (operation in ('GetProfiles', 'GetStreamUri', 'GetSnapshotUri')):
        return 400, fault('ter:ActionNotSupported', 'another service knows that')
    content = respond(operation, body, options, host)
    if not content:
        return 400, fault('ter:InvalidArgVal', 'no such profile, or operation')
    return 200, envelope(f'<{content[0]}:{operation}Response>{content[1]}</{content[0]}:{operation}Response>')


def start_discovery(options):
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(('127.0.0.1', options.wsd_port))

    def serve():
        while True:
            probe, asker = listener.recvfrom(65536)
            message_id = re.search(rb'<(?:[\w-]+:)?MessageID[^>]*>([^<]+)<', probe)
            if b'Probe' not in probe or not message_id:
                continue
            listener.sendto(b'no XML at all', asker)
            for _ in range(2):  # cameras answer again and again
                listener.sendto(match_for(message_id[1].decode().strip(), options).encode(), asker)

    threading.Thread(target=serve, daemon=True).start()


def match_for(message_id, options):
    return f'''<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header><a:RelatesTo>{message_id}</a:RelatesTo></s:Header><s:Body>
<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:00000000-0000-4000-8000-00005e005301</a:Address>
</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/name/SIM%20Cam</d:Scopes>
<d:XAddrs>http://127.0.0.1:{options.port}/onvif/device_service http://[::1]/onvif/device_service</d:XAddrs>
</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>'''
