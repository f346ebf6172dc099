#!/usr/bin/env node
// The golden messages of tests/golden: one that was really sent for each schema and status. See the README there.
//
// usage: golden.mjs SCHEMAS GOLDEN                                    every file is valid, and every schema has one
//        golden.mjs SCHEMAS GOLDEN --test NAME --messages FILE.jsonl  those that this test made are still made
//        ... --renew                                                  and what is missing or has drifted is written anew
// Messages are lines as tests/support/mqtt_probe dumps them, or {schema, payload} of what does not travel over MQTT.
// Prints what differs; exit status 1 when something does.
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const SUFFIX = '.schema.json';
const ID_ROOT = 'vedette/v1/';
// What others are made of; nothing is of it alone.
const NO_MESSAGE = ['common'];
// Whether it is seen depends on who is faster.
const PASSING = ['camera_state.connecting'];
const LONGEST_TEXT = 400;
// Some machines can tell it, and others not.
const OF_THE_MACHINE = ['temperature_c'];
// Objects whose names are values; compared like lists.
const MAPS = ['by_priority'];

function filesIn(folder, suffix) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesIn(path, suffix);
    return name.endsWith(suffix) ? [path] : [];
  });
}

// "reply/recording.start" and "succeeded" -> "reply/recording.start.succeeded"
const fileName = ({ schema, status }) => (status ? `${schema}.${status}` : schema);

// ---- shapes ----

// What a value is made of: names and kinds, no values.
function shapeOf(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object') return typeof value;
  const keys = Object.keys(value).filter((key) => !OF_THE_MACHINE.includes(key));
  const member = (key) => shapeOf(MAPS.includes(key) ? Object.values(value[key]) : value[key]);
  return Object.fromEntries(keys.sort().map((key) => [key, member(key)]));
}

// Places at which two shapes differ. An array that is empty says nothing of its elements; otherwise each element must be
// like one of the other's.
function differences(golden, now, path = '') {
  const at = path || '/';
  if (Array.isArray(golden) && Array.isArray(now)) {
    if (!golden.length || !now.length) return [];
    const unlike = (those, these, side) =>
      those.flatMap((one, i) => {
        const each = these.map((other) => (side === 'now' ? differences(other, one, `${path}/${i}`) : differences(one, other, `${path}/${i}`)));
        return each.some((found) => !found.length) ? [] : each.sort((a, b) => a.length - b.length)[0];
      });
    return [...new Set([...unlike(golden, now, 'golden'), ...unlike(now, golden, 'now')])];
  }
  const isObject = (shape) => typeof shape === 'object' && !Array.isArray(shape);
  if (isObject(golden) && isObject(now)) {
    return [...new Set([...Object.keys(golden), ...Object.keys(now)])].sort().flatMap((key) => {
      const place = `${path}/${key}`;
      if (!(key in now)) return [`- ${place}: ${describe(golden[key])} is gone`];
      if (!(key in golden)) return [`+ ${place}: ${describe(now[key])} is new`];
      return differences(golden[key], now[key], place);
    });
  }
  return describe(golden) === describe(now) ? [] : [`! ${at}: ${describe(golden)} is now ${describe(now)}`];
}

function describe(shape) {
  if (typeof shape === 'string') return shape;
  return Array.isArray(shape) ? 'array' : 'object';
}

// ---- messages of a run ----

function nameOf(line, message) {
  const part = /\/v1\/[a-z0-9_-]+\/(.+)$/.exec(line.topic ?? '')?.[1] ?? '';
  const [first, second] = part.split('/');
  if (line.schema) return line.schema.slice(ID_ROOT.length);
  if (first === 'command' || first === 'response') return `${first}/${second}`;
  if (first === 'config') return `config_${second}`;
  return first === 'status' && message.state === 'lost' ? 'status' : undefined;
}

function statusOf(schema, message) {
  if (schema.startsWith('reply/') && message.status) return message.status;
  return ['status', 'camera_state'].includes(schema) ? message.state : undefined;
}

// Each kind of message with all there are of it. Of what was sent to the agent only what it took: tests send wrong things.
function kindsOf(path) {
  const kinds = new Map();
  const add = (schema, message, inbound) => {
    const kind = { schema, status: statusOf(schema, message), inbound };
    const name = fileName(kind);
    if (!kinds.has(name)) kinds.set(name, { ...kind, messages: [] });
    kinds.get(name).messages.push(message);
  };
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    if (!text) continue;
    const line = JSON.parse(text);
    let message;
    try {
      message = typeof line.payload === 'string' ? JSON.parse(line.payload) : line.payload;
    } catch {
      continue;
    }
    if (message === null || typeof message !== 'object') continue;
    const schema = nameOf(line, message);
    if (!schema) continue;
    add(schema, message, line.direction === 'in');
    if (schema.startsWith('event/') && line.user_properties) add('cloud_event', Object.fromEntries(line.user_properties), false);
  }
  return kinds;
}

// ---- making them ----

// What differs from run to run is exchanged for what does not: ids, times, hashes, folders, ports; long texts are cut.
class Normaliser {
  #ids = new Map();
  #hashes = new Map();
  #first = null;

  apply(value) {
    if (Array.isArray(value)) return value.map((one) => this.apply(one));
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.apply(one)]));
    return typeof value === 'string' ? this.#text(value) : value;
  }

  #numbered(known, text, make) {
    if (!known.has(text)) known.set(text, make(known.size + 1));
    return known.get(text);
  }

  #text(text) {
    const changed = text
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) =>
        this.#numbered(this.#ids, id, (n) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`))
      .replace(/\b[0-9a-f]{64}\b/g, (hash) => this.#numbered(this.#hashes, hash, (n) => n.toString(16).padStart(64, '0')))
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) => {
        const at = Date.parse(time);
        this.#first ??= at;
        return new Date(Date.UTC(2026, 0, 1) + at - this.#first).toISOString();
      })
      .replace(/\/\d{4}\/\d\d\/\d\d\//g, '/2026/01/01/')
      .replace(/\/tmp\/[^/"\s]+/g, '/tmp/test')
      .replace(/(127\.0\.0\.1|localhost):\d+/g, '$1:1234');
    const isBase64 = changed.length > LONGEST_TEXT && /^[A-Za-z0-9+/]+=*$/.test(changed);
    return isBase64 ? changed.slice(0, 64) : changed;
  }
}

// The shape that most of them have: what one run has and another has not by chance is rarely that.
function mostUsual(messages) {
  const byShape = new Map();
  for (const message of messages) {
    const key = JSON.stringify(shapeOf(message));
    byShape.set(key, [...(byShape.get(key) ?? []), message]);
  }
  return [...byShape.values()].sort((a, b) => b.length - a.length)[0][0];
}

async function validator(folder) {
  const { Schemas } = await import('./validate.mjs');
  return new Schemas(folder);
}

function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(content, null, 1)}\n`);
}

async function renew(schemasFolder, folder, test, kinds) {
  const schemas = await validator(schemasFolder);
  for (const [name, kind] of kinds) {
    if (PASSING.includes(name)) continue;
    const path = join(folder, `${name}.json`);
    const known = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
    if (known && known.made_by !== test) continue;
    const valid = kind.messages.filter((message) => schemas.faults(kind.schema, message).length === 0);
    if (!valid.length) continue;
    if (known && valid.some((message) => !differences(shapeOf(known.message), shapeOf(message)).length)) continue;
    const message = new Normaliser().apply(mostUsual(valid));
    write(path, { made_by: test, schema: kind.schema, ...(kind.inbound ? { inbound: true } : {}), message });
    console.log(`${known ? 'renewed' : 'new'}: ${name}`);
  }
}

// ---- judging them ----

function goldenFiles(folder) {
  return filesIn(folder, '.json').map((path) => ({ name: relative(folder, path).slice(0, -'.json'.length), path, ...JSON.parse(readFileSync(path, 'utf8')) }));
}

function checkTest(folder, test, kinds) {
  let failures = 0;
  for (const golden of goldenFiles(folder)) {
    if (golden.made_by !== test || golden.inbound) continue;
    const now = kinds.get(golden.name)?.messages ?? [];
    const found = now.map((message) => differences(shapeOf(golden.message), shapeOf(message)));
    if (found.some((one) => !one.length)) continue;
    ++failures;
    console.error(`${golden.path}: ${now.length ? `none of ${now.length} messages is like it any more; the nearest one:` : `no such message was sent`}`);
    for (const line of found.sort((a, b) => a.length - b.length)[0] ?? []) console.error(`  ${line}`);
  }
  return failures;
}

async function checkAll(schemasFolder, folder) {
  const schemas = await validator(schemasFolder);
  const all = goldenFiles(folder);
  let failures = 0;
  const fail = (text) => {
    ++failures;
    console.error(text);
  };
  for (const golden of all) {
    if (golden.name !== fileName({ schema: golden.schema, status: statusOf(golden.schema, golden.message) })) fail(`${golden.path}: is of ${golden.schema}, and named otherwise`);
    for (const fault of schemas.faults(golden.schema, golden.message)) fail(`${golden.path}: ${fault}`);
  }
  const seen = new Set(all.map((golden) => golden.schema));
  for (const path of filesIn(schemasFolder, SUFFIX)) {
    const schema = relative(schemasFolder, path).slice(0, -SUFFIX.length);
    if (!seen.has(schema) && !NO_MESSAGE.includes(schema)) fail(`${schema}: there is no golden message of it`);
  }
  console.log(`${all.length} golden messages of ${seen.size} schemas, ${failures} failures`);
  return failures;
}

async function main([schemasFolder, folder, ...rest]) {
  const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
  const test = option('--test');
  if (!test) return checkAll(schemasFolder, folder);
  const kinds = kindsOf(option('--messages'));
  if (rest.includes('--renew')) await renew(schemasFolder, folder, test, kinds);
  return checkTest(folder, test, kinds);
}

process.exitCode = (await main(process.argv.slice(2))) ? 1 : 0;
