"""What the cameras of camera_sim_http.py notice: Hikvision's alertStream and Dahua's eventManager (ONVIF's pull points:
camera_sim_pullpoint.py).

  GET /sim/event?type=VMD[,...]&state=active[&channel=1]   it goes on, and is said again and again as Hikvision does
                            state=inactive           it is over, and that is said
                            state=silent             it is over, and nothing is said
                            state=pulse              Dahua: it was there for a moment
                            The answer: how often somebody was refused for want of a password.
  GET /sim/feeds?do=drop    the connections end;  do=mute: nothing is said any more, they stay open;  do=unmute
"""
import threading

HEARTBEAT_S = 0.3  # Hikvision up to firmware 5.5.0
ALERT = ('<?xml version="1.0" encoding="UTF-8"?>\n<EventNotificationAlert version="2.0" '
         'xmlns="http://www.hikvision.com/ver20/XMLSchema"><ipAddress>192.0.2.5</ipAddress><channelID>{0}</channelID>'
         '<dateTime>2026-11-20T08:31:29+00:00</dateTime><activePostCount>1</activePostCount><eventType>{1}</eventType>'
         '<eventState>{2}</eventState><eventDescription>simulated</eventDescription></EventNotificationAlert>\n')
ACTIONS = {'active': 'Start', 'inactive': 'Stop', 'pulse': 'Pulse'}


class Events:
    """What all feeds of the simulator share."""

    def __init__(self):
        self.changed = threading.Condition()
        self.told = []  # (channel, type, state, rule), of all time
        self.going_on = set()  # (channel, type, rule)
        self.drops = 0
        self.muted = False

    def control(self, path, query):
        value = {name: values[0] for name, values in query.items()}
        with self.changed:
            if path == '/sim/feeds':
                self.drops += value['do'] == 'drop'
                self.muted = value['do'] == 'mute'
            else:
                channel, rule = int(value.get('channel', 1)), value.get('rule', '')
                change = self.going_on.add if value['state'] == 'active' else self.going_on.discard
                for kind in value['type'].split(','):
                    change((channel, kind, rule))
                    self.told.append((channel, kind, value['state'], rule))
            self.changed.notify_all()

    def feed(self, again):
        """What is to be said, as it comes: lists of (channel, type, state); with `again` also what goes on."""
        with self.changed:
            drops, at = self.drops, len(self.told)
        while True:
            with self.changed:
                self.changed.wait_for(lambda: len(self.told) > at or self.drops != drops, HEARTBEAT_S)
                if self.drops != drops:
                    return
                news, at = self.told[at:], len(self.told)
                muted = self.muted
                going_on = [(channel, kind, 'active') for channel, kind, _ in self.going_on] if again else []
            if not muted:
                yield [one[:3] for one in news if one[2] != 'silent'] + going_on


def hikvision(events):
    for signs in events.feed(again=True):
        for sign in signs + [(1, 'videoloss', 'inactive')]:
            body = ALERT.format(*sign).encode()
            yield (b'--boundary\r\nContent-Type: application/xml; charset="UTF-8"\r\nContent-Length: %d\r\n\r\n' %
                   len(body) + body)


def dahua(events):
    for signs in events.feed(again=False):
        bodies = [f'Code={kind};action={ACTIONS[state]};index={channel - 1};data={{\n   "Id" : [ 0 ]\n}}\n'
                  for channel, kind, state in signs] + ['Heartbeat']
        for body in bodies:
            yield (b'--myboundary\r\nContent-Type: text/plain\r\nContent-Length:%d\r\n\r\n' % len(body) +
                   body.encode() + b'\r\n')
