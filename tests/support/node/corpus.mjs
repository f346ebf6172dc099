#!/usr/bin/env node
// Makes commands out of their schemas, good and spoilt, and lets ajv judge them.
//
// usage: corpus.mjs SCHEMAS
// Prints one JSON object per line: {verb, change, command, valid, errors}. The same lines in every run.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';

const SUFFIX = '.schema.json';
const UUID = '019aa053-1c2b-7d10-9a51-3f0b6f3c2a11';
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

// Good values by the name of the member, where the schema has none at hand (pattern, format).
const GOOD = {
  v: [1],
  id: [UUID, '00000000-0000-0000-0000-000000000000'],
  clip_id: [UUID],
  stream_id: [UUID],
  clip_ids: [[UUID], [UUID, UUID], Array(100).fill(UUID)],
  camera_id: ['front', 'a', '0', `c${'x'.repeat(62)}`, 'a-b_c'],
  auth_camera_id: ['front'],
  address: ['10.0.0.5', '1.0.0.0', '127.0.0.1', '223.255.255.255'],
  url: ['rtsp://10.0.0.5:8554/a?b=c', 'hik://10.0.0.5/1/sub'],
  recording_id: ['night-1', UUID],
  reply_to: ['web-7f3a', 'A', '_', 'x'.repeat(64)],
  actor: ['', 'alice@acme', 'ä'.repeat(128)],
  traceparent: [TRACE],
  labels: [[], ['door'], ['ä'.repeat(64)], Array(16).fill('x')],
  state: [[], ['ready'], ['recording', 'finalizing', 'ready', 'deleting']],
  cursor: ['x', 'x'.repeat(1024)],
  verb: ['agent.ping', 'x', 'x'.repeat(64)],
  command_id: [UUID],
  params: [{}],
};
const TIMES = [
  '2026-11-20T08:31:29.123Z', '2026-11-20T08:31:29Z', '2026-11-20T09:31:29+01:00', '2026-11-20T08:31:29.123456789-12:30',
  '2024-02-29T00:00:00Z', '2026-11-20T08:31:29.1Z', '1999-12-31T23:59:59.999Z',
];

// Values of every kind, and those that look nearly right. "+0100" is not among them: it is no RFC 3339, but ajv takes it.
const SPOILT = [
  null, true, false, 0, 1, -1, 2, 1.0, 1.5, 1e3, 1e16, '', 'x', 'X', 'front', '../x', 'a/b', 'a b', '+', '#', 'ä', ' front',
  'front\n', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(129), 'x'.repeat(1025), UUID, UUID.toUpperCase(), `${UUID} `,
  '2026-11-20', '2026-11-20T08:31:29', '2026-13-20T08:31:29Z', '2026-11-31T08:31:29Z', '2026-02-29T08:31:29Z',
  '2026-11-20T24:00:00Z', '2026-11-20T08:60:00Z', '2026-11-20T08:31:29+1:00', '2026-11-20T08:31:29+24:00',
  '2026-11-20T08:31Z', '2026-11-20T08:31:29.Z', 'tomorrow', ...TIMES,
  [], [''], ['x'], [5], [null], ['x'.repeat(65)], Array(17).fill('x'), ['ready'], ['gone'], ['ready', 'ready'], [UUID, 'x'], Array(101).fill(UUID), {}, { x: 1 },
  15, 16, 99, 100, 101, 119999, 120000, 120001, 199, 200, 201, 604800, 604801, 3600000, 3600001, 7680, 7681, 86400000,
  86400001, 9007199254740991, 'auto', 'never', 'high', 'normal', 'low', 'inline', 'upload', 'both', 'asc', 'desc', TRACE,
  TRACE.toUpperCase(), `${TRACE}0`, '0.0.0.0', '0.1.2.3', '10.0.0', '10.0.0.256', '10.0.0.05', '10.0.0.5:80', '224.0.0.1',
  '239.255.255.250', '255.255.255.255', '::1',
];

function resolve(node, common) {
  if (node.$ref) return common.definitions[node.$ref.split('/').pop()];
  if (node.allOf) return { ...resolve(node.allOf[0], common), ...node, allOf: undefined };
  return node;
}

function goodValues(key, node) {
  if (GOOD[key]) return GOOD[key];
  if (node.format === 'date-time') return TIMES;
  if (node.enum) return node.enum;
  if (node.type === 'boolean') return [true, false];
  if (node.type === 'integer') return [node.minimum, node.maximum, node.minimum + 1];
  throw new Error(`no good value for ${key}`);
}

// [change, command]: the smallest and the fullest, each member alone with each of its good values, and everything spoilt.
function* commands(schema, common) {
  const params = schema.properties.params;
  const members = Object.entries(params.properties).map(([key, node]) => [key, resolve(node, common)]);
  const around = Object.entries(schema.properties)
    .filter(([key]) => !['v', 'id', 'params'].includes(key))
    .map(([key, node]) => [key, resolve(node, common)]);
  const needed = Object.fromEntries(
    members.filter(([key]) => params.required?.includes(key)).map(([key, node]) => [key, goodValues(key, node)[0]]),
  );
  const either = (params.anyOf ?? params.oneOf)?.[0].required[0];
  if (either) needed[either] = goodValues(either, resolve(params.properties[either], common))[0];
  const base = { v: 1, id: UUID, params: needed };
  const withParam = (key, value) => ({ ...base, params: { ...needed, [key]: value } });

  yield ['smallest', base];
  yield ['without params', { v: 1, id: UUID }];
  yield ['all params', { ...base, params: Object.fromEntries(members.map(([k, n]) => [k, goodValues(k, n)[0]])) }];
  yield ['all around', { ...base, ...Object.fromEntries(around.map(([k, n]) => [k, goodValues(k, n)[0]])) }];
  yield ['another member around', { ...base, later: { x: 1 } }];
  yield ['another param', withParam('later', 1)];
  for (const key of ['v', 'id']) yield [`without ${key}`, { ...base, [key]: undefined }];
  for (const key of Object.keys(needed)) {
    yield [`without params.${key}`, { ...base, params: { ...needed, [key]: undefined } }];
  }
  for (const [key, node] of members) {
    for (const value of goodValues(key, node)) yield [`params.${key}`, withParam(key, value)];
    for (const value of SPOILT) yield [`params.${key}`, withParam(key, value)];
    // What excludes each other shows in pairs.
    for (const [other, otherNode] of members) {
      if (other === key) continue;
      const pair = withParam(key, goodValues(key, node)[0]);
      yield [`params.${key} and ${other}`, { ...pair, params: { ...pair.params, [other]: goodValues(other, otherNode)[0] } }];
    }
  }
  for (const [key, node] of [...around, ['v', {}], ['id', {}], ['params', {}]]) {
    for (const value of [...goodValues(key, node), ...SPOILT]) yield [key, { ...base, [key]: value }];
  }
}

function main(folder) {
  const read = (path) => JSON.parse(readFileSync(join(folder, path), 'utf8'));
  const ajv = new Ajv({ allErrors: true, strictTypes: false, strictRequired: false });
  addFormats(ajv);
  const common = read(`common${SUFFIX}`);
  ajv.addSchema(common);
  for (const name of readdirSync(join(folder, 'command')).sort()) {
    const schema = read(join('command', name));
    const validate = ajv.compile(schema);
    for (const [change, made] of commands(schema, common)) {
      const command = JSON.parse(JSON.stringify(made));
      const valid = validate(command);
      const errors = valid ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message}`);
      console.log(JSON.stringify({ verb: name.slice(0, -SUFFIX.length), change, command, valid, errors }));
    }
  }
}

main(process.argv[2]);
