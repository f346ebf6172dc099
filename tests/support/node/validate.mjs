#!/usr/bin/env node
// Validates messages and examples against the JSON Schemas.
//
// usage: validate.mjs SCHEMAS [--messages FILE.jsonl...] [--examples FILE.md...]
//   SCHEMAS     the folder schemas/; all of it is compiled, whatever else is asked for
//   --messages  a dump of tests/support/mqtt_probe: {topic, payload | payload_base64, retain, direction, schema?,
//               content_type?, user_properties?}. Those from the device ("out") are checked, each by the schema of its
//               topic, and events by the rules of CloudEvents where they have properties (MQTT 5). Those to it are
//               not: tests send wrong ones on purpose.
//   --examples  a Markdown file: each ```json block below <!-- schema: command/recording.start --> is checked
// Prints each failure on a line and a summary; exit status 1 when there was one, or nothing to check.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { cloudEventFaults } from './cloud_event.mjs';

const ID_ROOT = 'vedette/v1/';
const SUFFIX = '.schema.json';

let failures = 0;

function fail(place, message) {
  ++failures;
  console.error(`${place}: ${message}`);
}

function schemaFiles(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return schemaFiles(path);
    return name.endsWith(SUFFIX) ? [path] : [];
  });
}

// Readers ignore what they do not know; here an object that lists its members lists all of them, so that nothing
// undocumented leaves the agent.
function close(node) {
  if (Array.isArray(node)) return node.map(close);
  if (node === null || typeof node !== 'object') return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, close(value)]));
  if (copy.type === 'object' && copy.properties && copy.additionalProperties === undefined && !copy.patternProperties) {
    copy.additionalProperties = false;
  }
  return copy;
}

// name ("event/clip.ready") -> validating function
export class Schemas {
  constructor(folder) {
    this.open = this.#load(folder, (schema) => schema);
    this.closed = this.#load(folder, close);
  }

  #load(folder, change) {
    // Types and required members are often told in one place and narrowed in another.
    const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });
    addFormats(ajv);
    const names = new Set();
    for (const path of schemaFiles(folder)) {
      const name = relative(folder, path).slice(0, -SUFFIX.length);
      const schema = JSON.parse(readFileSync(path, 'utf8'));
      if (schema.$id !== ID_ROOT + name + SUFFIX) fail(path, `its $id is ${schema.$id}`);
      ajv.addSchema(change(schema), name);
      names.add(name);
    }
    return { ajv, names };
  }

  // A schema is compiled when it is first used, or here.
  compileAll() {
    for (const name of this.open.names) {
      try {
        this.open.ajv.getSchema(name);
      } catch (error) {
        fail(name, `does not compile: ${error.message}`);
      }
    }
  }

  has(name) {
    return this.open.names.has(name);
  }

  // All that is wrong with it, as sentences.
  faults(name, value, { closed } = { closed: true }) {
    if (!this.has(name)) return [`there is no schema ${name}`];
    const validate = (closed ? this.closed : this.open).ajv.getSchema(name);
    if (validate(value)) return [];
    return validate.errors.map((error) => {
      const what = error.params.additionalProperty ?? error.params.allowedValues ?? error.params.allowedValue ?? '';
      return `${name}: ${error.instancePath || '/'} ${error.message} ${what && JSON.stringify(what)}`.trimEnd();
    });
  }

  check(place, name, value, options) {
    for (const fault of this.faults(name, value, options)) fail(place, fault);
  }
}

// The part of a topic below vedette/v1/{device}/.
function below(topic) {
  return /^.+\/v1\/[a-z0-9_-]+\/(.+)$/.exec(topic)?.[1];
}

function schemaOf(part, message, schemas) {
  const [first, second, third] = part.split('/');
  if (['event', 'command', 'request', 'response'].includes(first)) return `${first}/${second}`;
  if (first === 'camera') return `camera_${third}`;
  if (first === 'telemetry' || first === 'config') return `${first}_${second}`;
  if (first === 'reply') {
    const name = `reply/${message.verb}`;
    return message.command_id && schemas.has(name) ? name : 'reply';
  }
  return first;
}

function checkImage(place, line) {
  const bytes = Buffer.from(line.payload_base64 ?? '', 'base64');
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) fail(place, `${line.topic}: no JPEG`);
}

function checkMessage(place, line, schemas) {
  const part = below(line.topic);
  if (!part) return fail(place, `${line.topic}: no topic of the contract`);
  if (/^camera\/[^/]+\/image$/.test(part)) return checkImage(place, line);
  if (line.payload === '' && line.retain) return undefined; // takes a retained message away
  let message;
  try {
    message = JSON.parse(line.payload);
  } catch {
    return fail(place, `${line.topic}: no JSON`);
  }
  const name = schemaOf(part, message, schemas);
  if (line.schema !== undefined && line.schema !== ID_ROOT + name) {
    fail(place, `${line.topic}: its user property schema is ${line.schema}`);
  }
  if (name.startsWith('event/') && line.user_properties) {
    for (const fault of cloudEventFaults(line)) fail(`${place} ${line.topic}`, `CloudEvents: ${fault}`);
    schemas.check(place, 'cloud_event', Object.fromEntries(line.user_properties), { closed: true });
  }
  return schemas.check(`${place} ${line.topic}`, name, message, { closed: true });
}

function checkMessages(path, schemas) {
  const lines = readFileSync(path, 'utf8').split('\n');
  let checked = 0;
  lines.forEach((text, index) => {
    if (!text) return;
    const line = JSON.parse(text);
    if (line.direction === 'in') return;
    checkMessage(`${path}:${index + 1}`, line, schemas);
    ++checked;
  });
  return checked;
}

function checkExamples(path, schemas) {
  const text = readFileSync(path, 'utf8');
  const blocks = text.matchAll(/<!-- schema: (\S+) -->\s*\n```jsonc?\n([\s\S]*?)\n```/g);
  let checked = 0;
  for (const [whole, name, json] of blocks) {
    const place = `${path}:${text.slice(0, text.indexOf(whole)).split('\n').length}`;
    ++checked;
    try {
      const value = JSON.parse(json.replace(/^\s*\/\/.*$/gm, '').replace(/([,{[])\s*\/\/.*$/gm, '$1'));
      schemas.check(place, name, value, { closed: !name.startsWith('command/') });
    } catch (error) {
      fail(place, error.message);
    }
  }
  return checked;
}

function main([folder, ...rest]) {
  if (!folder) {
    console.error('usage: validate.mjs SCHEMAS [--messages FILE.jsonl...] [--examples FILE.md...]');
    return 2;
  }
  const schemas = new Schemas(folder);
  schemas.compileAll();
  let messages = 0;
  let examples = 0;
  let kind;
  for (const word of rest) {
    if (word.startsWith('--')) kind = word;
    else if (kind === '--messages') messages += checkMessages(word, schemas);
    else if (kind === '--examples') examples += checkExamples(word, schemas);
    else fail(word, 'neither --messages nor --examples stands before it');
  }
  if (rest.length && messages + examples === 0) fail('validate.mjs', 'found nothing to check');
  console.log(`${schemas.open.names.size} schemas, ${messages} messages, ${examples} examples, ${failures} failures`);
  return failures ? 1 : 0;
}

// Others use only what is exported.
if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
