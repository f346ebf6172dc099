#!/usr/bin/env node
// Lets the official parser judge the description of the API.
//
// usage: asyncapi.mjs FILE
// Prints what it finds; exit status 1 for errors and warnings, and when an operation or a message has no payload.
import asyncapi from '@asyncapi/parser';

const WORST_ALLOWED = 2; // 0 error, 1 warning, 2 information

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
console.log(`${document?.operations().all().length ?? 0} operations, ${messages} messages, ${bad} bad`);
process.exit(bad ? 1 : 0);
