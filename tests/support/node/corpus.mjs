#!/usr/bin/env node
// Makes what the agent reads out of the schemas, good and spoilt, and lets ajv judge it.
//
// usage: corpus.mjs SCHEMAS                        commands: {verb, change, command, valid, errors}
//        corpus.mjs SCHEMAS response|config|config_desired   {schema, change, payload, valid, errors}
// Prints one JSON object per line. The same lines in every run.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { BASES_AT, BEYOND_AT, GOOD_AT, SPOILT, TIMES, TRACE, UUID } from './corpus_values.mjs';
import { CorpusWalk } from './corpus_walk.mjs';
import { SchemaFolder } from './schema_table.mjs';

const SUFFIX = '.schema.json';

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

// Names of the schemas in a folder: "response/upload.grant", or of the top "config".
function namesIn(top, folder) {
  const files = readdirSync(join(top, folder)).filter((file) => file.endsWith(SUFFIX)).sort();
  return files.map((file) => join(folder, file.slice(0, -SUFFIX.length)));
}

function* walked(folder, kind, ajv) {
  const walk = new CorpusWalk(new SchemaFolder(folder), { good: GOOD_AT, beyond: BEYOND_AT, bases: BASES_AT, spoilt: SPOILT });
  for (const schema of kind === 'response' ? namesIn(folder, kind) : [kind]) {
    const validate = ajv.getSchema(`vedette/v1/${schema}${SUFFIX}`);
    for (const { change, value, beyond } of walk.documents(schema)) {
      const payload = JSON.parse(JSON.stringify(value));
      const valid = validate(payload);
      if (valid && beyond) continue;
      const errors = valid ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message}`);
      yield { schema, change, payload, valid, errors };
    }
  }
}

function* commandsOf(folder, ajv, read) {
  for (const name of namesIn(folder, 'command')) {
    const schema = read(name);
    const validate = ajv.compile(schema);
    for (const [change, made] of commands(schema, read('common'))) {
      const command = JSON.parse(JSON.stringify(made));
      const valid = validate(command);
      const errors = valid ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message}`);
      yield { verb: name.slice('command/'.length), change, command, valid, errors };
    }
  }
}

function main([folder, kind]) {
  const read = (name) => JSON.parse(readFileSync(join(folder, name + SUFFIX), 'utf8'));
  const ajv = new Ajv({ allErrors: true, strictTypes: false, strictRequired: false });
  addFormats(ajv);
  for (const name of [...namesIn(folder, '.'), ...namesIn(folder, 'response')]) ajv.addSchema(read(name));
  for (const line of kind ? walked(folder, kind, ajv) : commandsOf(folder, ajv, read)) console.log(JSON.stringify(line));
}

main(process.argv.slice(2));
