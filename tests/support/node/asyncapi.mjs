#!/usr/bin/env node
// Lets the official parser judge the description of the API.
//
// usage: asyncapi.mjs FILE TABLE.md
//   TABLE.md  has a table of all topics, below a heading cell `topic`: its topics and the addresses are the same
// Prints what it finds; exit status 1 for errors and warnings, when an operation or a message has no payload, and when the
// table and the addresses differ.
import { readFileSync } from 'node:fs';
import asyncapi from '@asyncapi/parser';

const WORST_ALLOWED = 2; // 0 error, 1 warning, 2 information

// The topics of the table as addresses, which show the default topic_root.
function topicsIn(path) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const head = lines.findIndex((line) => line.startsWith('| topic |'));
  const end = lines.findIndex((line, i) => i > head && !line.startsWith('|'));
  const topics = lines.slice(head + 2, end).flatMap((line) => [...line.split('|')[1].matchAll(/`([^`]+)`/g)]);
  return topics.map(([, topic]) => topic.replace(/^B\//, 'vedette/v1/{device_id}/').replace(/^\{topic_root\}/, 'vedette'));
}

const { document, diagnostics } = await asyncapi.fromFile(new asyncapi.Parser(), process.argv[2]).parse();
let bad = document ? 0 : 1;
for (const { severity, code, path, message } of diagnostics) {
  if (severity < WORST_ALLOWED) ++bad;
  console.log(`${severity < WORST_ALLOWED ? 'bad' : 'note'}: /${path.join('/')}: ${message} (${code})`);
}
let messages = 0;
for (const operation of document?.operations().all() ?? []) {
  const carried = operation.messages().all();
  messages += carried.length;
  if (carried.length && carried.every((message) => message.hasPayload())) continue;
  ++bad;
  console.log(`bad: operation ${operation.id()}: no message, or one without a payload`);
}
const addresses = (document?.channels().all() ?? []).map((channel) => channel.address());
const topics = topicsIn(process.argv[3]);
const fault = (text) => {
  ++bad;
  console.log(`bad: ${text}`);
};
for (const topic of topics) if (!addresses.includes(topic)) fault(`${topic} of ${process.argv[3]} is no address`);
for (const address of addresses) if (!topics.includes(address)) fault(`${address} is no topic of ${process.argv[3]}`);
if (!topics.length) fault(`${process.argv[3]} has no table of topics`);
console.log(`${document?.operations().all().length ?? 0} operations, ${messages} messages, ${bad} bad`);
process.exit(bad ? 1 : 0);
