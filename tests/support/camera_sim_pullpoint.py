"""ONVIF's event service of camera_sim_http.py: pull points, for what camera_sim_events.py is told to happen.

The type of /sim/event is a topic here, and rule=NAME may tell one state of a topic from another. A subscription lasts as
long as it was asked for, --lease at most; pulling keeps it alive only with --renew no, where Renew is refused.
--events: query (subscriptions have addresses of their own), axis (reference parameters tell them apart), none.
/sim/feeds?do=drop: all subscriptions are forgotten; do=mute: nothing is answered any more.
GET /sim/pullpoints: how many there are, were made, were renewed, and how often was pulled.
"""
import datetime
import re
import time
from html import escape

NAMESPACES = ('xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" '
              'xmlns:wsa5="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics"')
ACTIONS = {
    'CreatePullPointSubscription': 'http://www.onvif.org/ver10/events/wsdl/EventPortType/CreatePullPointSubscriptionRequest',
    'PullMessages': 'http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesRequest',
    'Renew': 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest',
    'Unsubscribe': 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest',
}
VALUES = {'active': 'true', 'inactive': 'false'}


def seconds_of(body, tag):
    match = re.search(r'<(?:[\w-]+:)?%s>PT([\d.]+)S<' % tag, body)
    return float(match[1]) if match else None


def message(sign, operation):
    channel, topic, state, rule = sign
    source = ('Source', f'VS_{channel}') if 'VideoSource' in topic else \
        ('VideoSourceConfigurationToken', f'VSC_{channel}')
    name = {'Motion': 'IsMotion', 'Tamper': 'IsTamper'}.get(topic.rsplit('/', 1)[-1], 'State')
    data = f'Name="{name}" Value="{VALUES[state]}"' if state in VALUES else 'Name="ObjectId" Value="15"'
    return (f'<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
            f'{escape(topic)}</wsnt:Topic><wsnt:Message><tt:Message UtcTime="2026-11-20T08:31:29Z" '
            f'PropertyOperation="{operation}"><tt:Source><tt:SimpleItem Name="{source[0]}" Value="{source[1]}"/>'
            f'<tt:SimpleItem Name="Rule" Value="{escape(rule)}"/></tt:Source><tt:Data><tt:SimpleItem {data}/></tt:Data>'
            f'</tt:Message></wsnt:Message></wsnt:NotificationMessage>')


class Subscription:
    def __init__(self, number, at, states, ends):
        self.number, self.at, self.ends = number, at, ends
        self.initial = [message(sign, 'Initialized') for sign in states]


class PullPoints:
    def __init__(self, options, events, camera_time):
        self.options, self.events, self.camera_time = options, events, camera_time
        self.alive = {}
        self.made = self.renewed = self.pulled = self.drops = 0

    def figures(self):
        self.forget()
        return f'alive={len(self.alive)} made={self.made} renewed={self.renewed} pulled={self.pulled}'

    def forget(self):
        if self.drops != self.events.drops:
            self.drops, self.alive = self.events.drops, {}
        self.alive = {n: one for n, one in self.alive.items() if one.ends > time.monotonic()}

    def times(self, subscription):
        now = self.camera_time()
        end = now + datetime.timedelta(seconds=subscription.ends - time.monotonic())
        return (f'<wsnt:CurrentTime>{now:%Y-%m-%dT%H:%M:%S.%f}Z</wsnt:CurrentTime>'
                f'<wsnt:TerminationTime>{end:%Y-%m-%dT%H:%M:%S.%f}Z</wsnt:TerminationTime>')

    def lease(self, wanted):
        return time.monotonic() + min(wanted or 60, self.options.lease)

    def answer(self, operation, body, target, base):
        """The namespace and content of the answer, or None: there is no such subscription, or operation."""
        if ACTIONS.get(operation, '-') not in body:
            return None
        with self.events.changed:
            self.forget()
            if operation == 'CreatePullPointSubscription':
                return 'tev', self.create(seconds_of(body, 'InitialTerminationTime'), base)
            match = re.search(r'Idx=(\d+)$', target) or re.search(r'SubscriptionId[^>]*>(\d+)<', body)
            subscription = self.alive.get(int(match[1])) if match else None
            if not subscription:
                return None
            if operation == 'PullMessages':
                return 'tev', self.pull(subscription, seconds_of(body, 'Timeout'))
            if operation == 'Unsubscribe':
                del self.alive[subscription.number]
                return 'wsnt', ''
            if self.options.renew == 'no':
                return None
            self.renewed += 1
            subscription.ends = self.lease(seconds_of(body, 'TerminationTime'))
            return 'wsnt', self.times(subscription)

    def create(self, wanted, base):
        self.made += 1
        going_on = [(channel, topic, 'active', rule) for channel, topic, rule in self.events.going_on]
        over = {(channel, topic, 'inactive', rule) for channel, topic, _, rule in self.events.told
                if (channel, topic, rule) not in self.events.going_on}
        new = Subscription(self.made, len(self.events.told), going_on + sorted(over), self.lease(wanted))
        self.alive[new.number] = new
        reference = f'<wsa5:Address>{base}/onvif/Subscription?Idx={new.number}</wsa5:Address>'
        if self.options.events == 'axis':
            reference = (f'<wsa5:Address>{base}/onvif/services</wsa5:Address><wsa5:ReferenceParameters '
                         f'xmlns:dom0="http://www.axis.com/2009/event"><dom0:SubscriptionId>{new.number}'
                         f'</dom0:SubscriptionId></wsa5:ReferenceParameters>')
        return f'<tev:SubscriptionReference>{reference}</tev:SubscriptionReference>{self.times(new)}'

    def pull(self, subscription, timeout):
        self.pulled += 1
        events = self.events
        if self.options.renew == 'no':
            subscription.ends = max(subscription.ends, time.monotonic() + 2 * timeout)

        def is_over():
            return events.drops != self.drops or (not events.muted and
                                                  (subscription.initial or len(events.told) > subscription.at))

        events.changed.wait_for(is_over, timeout)
        while events.muted:
            events.changed.wait()
        messages, subscription.initial = subscription.initial, []
        messages += [message(sign, 'Changed') for sign in events.told[subscription.at:] if sign[2] != 'silent']
        subscription.at = len(events.told)
        return self.times(subscription) + ''.join(messages)
