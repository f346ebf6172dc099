"""ONVIF (Profile S) of camera_sim_http.py: SOAP answers, and answers to WS-Discovery.

The profiles of camera n are ch<n>_main and ch<n>_sub. Addresses in answers have the host that was asked, or
--onvif-host, as behind a router. --clock-offset is how far the camera's clock is ahead; WS-UsernameToken must have been
created within 5 s of it. --onvif-services: what it knows, GetServices (new) or GetCapabilities (old). The event service
is camera_sim_pullpoint.py. --wsd ADDRESS: probes are answered that come to port 3702 of it, or by multicast on its
interface.
"""
import datetime
import re
import socket
import threading
from base64 import b64decode, b64encode
from hashlib import sha1
from html import unescape

import camera_sim_pullpoint

NAMESPACES = ('xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
              'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" '
              'xmlns:ter="http://www.onvif.org/ver10/error" ' + camera_sim_pullpoint.NAMESPACES)
PROFILE = ('<trt:Profiles token="{0}" fixed="true"><tt:Name>{0}</tt:Name><tt:VideoSourceConfiguration token="VSC_{3}">'
           '<tt:Name>vsc</tt:Name><tt:SourceToken>VS_{3}</tt:SourceToken></tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="ve">'
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


def respond(operation, body, target, sim, host):
    """The content of the answer; None: the camera does not know that."""
    options = sim.options
    here = (options.onvif_host or host.split(':')[0])
    base = f'http://{here}:{options.port}'
    if operation in camera_sim_pullpoint.ACTIONS and options.events != 'none':
        return sim.pullpoints.answer(operation, body, target, base)
    token = text_of(body, 'ProfileToken')
    if operation == 'GetSystemDateAndTime':
        return 'tds', date_and_time(options)
    if operation == 'GetDeviceInformation':
        return 'tds', ('<tds:Manufacturer>SIM</tds:Manufacturer><tds:Model>SIM-2CD</tds:Model>'
                       '<tds:FirmwareVersion>1.2.3</tds:FirmwareVersion><tds:SerialNumber>SIM00003</tds:SerialNumber>')
    services = ['device', 'media'] + (['event'] if options.events != 'none' else [])
    if operation == 'GetCapabilities' and options.onvif_services != 'new':
        names = {'device': 'Device', 'media': 'Media', 'event': 'Events'}
        return 'tds', '<tds:Capabilities>' + ''.join(
            f'<tt:{names[one]}><tt:XAddr>{base}/onvif/{one}_service</tt:XAddr></tt:{names[one]}>'
            for one in services) + '</tds:Capabilities>'
    if operation == 'GetServices' and options.onvif_services != 'old':
        names = {'device': 'device', 'media': 'media', 'event': 'events'}
        return 'tds', ''.join(
            f'<tds:Service><tds:Namespace>http://www.onvif.org/ver10/{names[one]}/wsdl</tds:Namespace><tds:XAddr>'
            f'{base}/onvif/{one}_service</tds:XAddr><tds:Version><tt:Major>2</tt:Major><tt:Minor>4</tt:Minor>'
            f'</tds:Version></tds:Service>' for one in services)
    if operation == 'GetProfiles':
        sizes = (('main', 1920, 1080), ('sub', 640, 360))
        return 'trt', ''.join(PROFILE.format(f'ch{n}_{name}', width, height, n)
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


def answer(body, target, sim, host, digest_is_good):
    """Status and body; 401 asks for Digest."""
    options = sim.options
    match = re.search(r'<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)', body)
    operation = match[1] if match else ''
    if options.user and operation != 'GetSystemDateAndTime':
        how = options.onvif_auth
        good = (how != 'digest' and token_is_good(body, options)) or (how != 'wsse' and digest_is_good())
        if not good:
            return (400, fault('ter:NotAuthorized', 'Sender not authorized')) if how == 'wsse' else (401, '')
    if ('media' in target) != (operation in ('GetProfiles', 'GetStreamUri', 'GetSnapshotUri')):
        return 400, fault('ter:ActionNotSupported', 'another service knows that')
    content = respond(operation, body, target, sim, host)
    if not content:
        lacking = operation in ('GetServices', 'GetCapabilities', 'CreatePullPointSubscription')
        return 400, fault('ter:ActionNotSupported' if lacking else 'ter:InvalidArgVal', 'no such thing, or operation')
    return 200, envelope(f'<{content[0]}:{operation}Response>{content[1]}</{content[0]}:{operation}Response>')


def start_discovery(options):
    group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    group.bind(('239.255.255.250', 3702))
    group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     socket.inet_aton('239.255.255.250') + socket.inet_aton(options.wsd))
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind((options.wsd, 3702))

    def serve(listener):
        while True:
            probe, asker = listener.recvfrom(65536)
            message_id = re.search(rb'<(?:[\w-]+:)?MessageID[^>]*>([^<]+)<', probe)
            if b'NetworkVideoTransmitter' not in probe or not message_id:
                continue
            own.sendto(b'no XML at all', asker)
            own.sendto(match_for('urn:uuid:00000000-0000-4000-8000-000000000000', options, 'stray').encode(), asker)
            for _ in range(2):  # cameras answer again and again
                own.sendto(match_for(message_id[1].decode().strip(), options, f'{options.port:012x}').encode(), asker)

    for listener in (group, own):
        threading.Thread(target=serve, args=(listener,), daemon=True).start()


def match_for(message_id, options, name):
    return f'''<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header><a:RelatesTo>{message_id}</a:RelatesTo></s:Header><s:Body>
<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:00000000-0000-4000-8000-{name}</a:Address>
</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/name/SIM%20Cam onvif://www.onvif.org/hardware/SIM-2CD
</d:Scopes><d:XAddrs>http://[fe80::1]/onvif/device_service http://{options.wsd}:{options.port}/onvif/device_service
</d:XAddrs>
</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>'''
