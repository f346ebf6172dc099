// The rules of CloudEvents 1.0 (spec.md, mqtt-protocol-binding.md) for an event as it was on the wire: binary content
// mode, where all attributes but datacontenttype are MQTT 5 user properties.
import { createRequire } from 'node:module';

const { CloudEvent, MQTT } = createRequire(import.meta.url)('cloudevents');

const CORE = ['specversion', 'id', 'source', 'type', 'time', 'subject', 'dataschema', 'datacontenttype'];
const NAME = /^[a-z0-9]{1,20}$/;
// Control characters, noncharacters and lone surrogates (spec.md, type system).
const DISALLOWED = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]|\p{Surrogate}/u;
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})+$/;
const URI_REFERENCE = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-F]{2})+$/;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

function* faultsOfAttributes(line) {
  const names = line.user_properties.map(([name]) => name);
  for (const [name, value] of line.user_properties) {
    if (!NAME.test(name)) yield `${JSON.stringify(name)} is no name of an attribute`;
    if (DISALLOWED.test(value)) yield `${name} has characters that are not allowed`;
    if (value === '') yield `${name} is empty`;
    if (names.indexOf(name) !== names.lastIndexOf(name)) yield `${name} is there twice`;
  }
  const at = Object.fromEntries(line.user_properties);
  for (const name of ['specversion', 'id', 'source', 'type']) if (!at[name]) yield `${name} is missing`;
  if (at.specversion !== '1.0') yield `specversion is ${at.specversion}`;
  if (!URI_REFERENCE.test(at.source)) yield `source is no URI-reference: ${at.source}`;
  if (!ABSOLUTE_URI.test(at.dataschema)) yield `dataschema is no absolute URI: ${at.dataschema}`;
  if (!TIMESTAMP.test(at.time)) yield `time is no timestamp: ${at.time}`;
  // Binary, for the receiver, is what does not begin with application/cloudevents; it becomes datacontenttype.
  if (!/^[a-z]+\/[a-z.+-]+(?:;.*)?$/.test(line.content_type)) yield `the content type is ${line.content_type}`;
  if (/^application\/cloudevents/.test(line.content_type)) yield 'the content type says that it is structured';
}

// What the attributes and the message say must be the same, as the documentation promises.
function* faultsOfContent(line) {
  const at = Object.fromEntries(line.user_properties);
  const message = JSON.parse(line.payload);
  const base = line.topic.slice(0, line.topic.indexOf('/event/'));
  const device = base.slice(base.lastIndexOf('/') + 1);
  const wanted = {
    id: message.id,
    time: message.ts,
    subject: message.camera_id,
    partitionkey: message.camera_id ? `${device}/${message.camera_id}` : device,
    traceparent: message.traceparent,
    type: `vedette.v1.${message.type}`,
    source: at.source && decodeURIComponent(at.source) === `/${base}` ? at.source : `/${base}, encoded`,
    dataschema: `urn:vedette:v1/event/${message.type}`,
  };
  for (const [name, value] of Object.entries(wanted)) {
    if (at[name] !== value) yield `${name} is ${at[name]}, not ${value}`;
  }
}

// The official SDK reads it, and finds it valid.
function* faultsOfSdk(line) {
  const at = Object.fromEntries(line.user_properties);
  try {
    const event = MQTT.toEvent({ headers: at, body: line.payload, PUBLISH: { 'Content Type': line.content_type } }, true);
    const judged = new CloudEvent({ ...event, datacontenttype: line.content_type }, true);
    for (const name of [...CORE, 'partitionkey']) {
      if (name !== 'datacontenttype' && judged[name] !== at[name]) yield `the SDK reads ${name} as ${judged[name]}`;
    }
  } catch (error) {
    yield `the SDK does not take it: ${error.message} ${JSON.stringify(error.errors ?? '')}`;
  }
}

// All that is wrong with an event, as sentences. `line` is of the dump of tests/support/mqtt_probe.
export function cloudEventFaults(line) {
  return [...faultsOfAttributes(line), ...faultsOfContent(line), ...faultsOfSdk(line)];
}
