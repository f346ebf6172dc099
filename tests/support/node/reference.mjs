#!/usr/bin/env node
// Writes what follows from the schemas: docs/reference/*.md, the lists of messages in asyncapi.yaml, and the completion of
// vedettectl in packaging/completions.
//
// usage: reference.mjs SCHEMAS DOCS [--check]
//   --check  writes nothing; exit status 1, and a line each, for files that are not as they would be written
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as completions from './completions.mjs';
import { SchemaFolder, rows, table } from './schema_table.mjs';

const SUFFIX = '.schema.json';
const NOTE = 'Made from the schemas by `scripts/reference`: change those, not this page.';

const [schemasFolder, docsFolder, option] = process.argv.slice(2);
const schemas = new SchemaFolder(schemasFolder);

function namesIn(folder) {
  const path = join(schemasFolder, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path).filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length)).sort();
}

function page(title, intro, sections) {
  return `# ${title}\n\n${NOTE}\n${intro}\n\n${sections.join('\n').trimEnd()}\n`;
}

// What of several members is enough, or excludes each other.
function alternatives(params) {
  const either = params.oneOf ?? params.anyOf;
  const names = either?.flatMap((one) => one.required ?? []);
  if (!names?.length) return '';
  return `${params.oneOf ? 'Exactly' : 'At least'} one of ${names.map((name) => `\`${name}\``).join(', ')}.\n`;
}

function commandSection(verb) {
  const home = `command/${verb}`;
  const schema = schemas.get(home);
  const { node: params, home: at } = schemas.resolve(schema.properties.params, home);
  const replyHome = `reply/${verb}`;
  const result = schemas.get(replyHome).definitions?.result;
  const answer = result ? table(rows(schemas, result, replyHome), 'always') : '';
  return [
    `## ${verb}`,
    `${schema.description ?? ''}\n`,
    table(rows(schemas, params, at), 'needed') || 'No params.\n',
    alternatives(params),
    answer ? `Result:\n\n${answer}` : 'The result says nothing more.\n',
    schemas.get(replyHome).description ? `${schemas.get(replyHome).description}\n` : '',
  ].filter(Boolean).join('\n');
}

function eventSection(type) {
  const home = `event/${type}`;
  const schema = schemas.get(home);
  const of = schema.required?.includes('camera_id') ? 'Of a camera. ' : '';
  return `## ${type}\n${of}${schema.description ?? ''}\n\n${table(rows(schemas, schema.properties.data, home), 'always') || 'No data.\n'}`;
}

function messageSection(home, heading) {
  const schema = schemas.get(home);
  return `## ${heading}\n${schema.description ?? ''}\n\n${table(rows(schemas, schema, home), 'always')}`;
}

function pages() {
  const toc = (names) => names.map((name) => `[${name}](#${name.replaceAll('.', '')})`).join(' ');
  const verbs = namesIn('command');
  const events = namesIn('event');
  const asked = [...namesIn('request').map((name) => `request/${name}`), ...namesIn('response').map((name) => `response/${name}`)];
  const states = namesIn('.').filter((name) => !['common', 'config', 'reply'].includes(name));
  return {
    'commands.md': page('Commands', `Each is published to \`B/command/{verb}\`; [mqtt.md](../integration/mqtt.md) says how, and what they mean.\n\n${toc(verbs)}`, verbs.map(commandSection)),
    'events.md': page('Events', `Each comes on \`B/event/{type}\` with \`v\`, \`id\`, \`ts\`, \`seq\`, \`type\`, \`severity\`; the tables show \`data\`.\n\n${toc(events)}`, events.map(eventSection)),
    'messages.md': page('Other messages', 'State, figures and whatever else travels; [schemas/](../../schemas/README.md) says on which topics.', [...states.map((name) => messageSection(name, name)), ...asked.map((name) => messageSection(name, name))]),
    'configuration.md': page('Configuration', 'Every member of the configuration file; [configure.md](../operations/configure.md) shows how they are used.', [table(rows(schemas, schemas.get('config'), 'config'), 'needed')]),
  };
}

// Lists of one line a message are those of the folder, whatever they were; so are the enums of verbs and types.
function asyncapi(text) {
  const lines = [];
  let folderBefore = null;
  for (const line of text.split('\n')) {
    const folder = line.match(/^ {6}\S+: \{ payload: \{ \$ref: '\.\/(\w+)\//)?.[1] ?? null;
    const headers = folder === 'event' ? `, headers: { $ref: './cloud_event${SUFFIX}' }` : '';
    if (folder && folder !== folderBefore)
      for (const name of namesIn(folder)) lines.push(`      ${name}: { payload: { $ref: './${folder}/${name}${SUFFIX}' }${headers} }`);
    if (!folder) lines.push(line);
    folderBefore = folder;
  }
  const list = (names) => `enum:\n${names.map((name) => `        - ${name}`).join('\n')}`;
  return lines.join('\n')
    .replace(/(type:\n {6}description: [^\n]*\n {6})enum:( \[[^\]]*\]|(\n {8}- [^\n]*)*)/, (_, head) => head + list(namesIn('event')))
    .replace(/(verb:\n {6}description: [^\n]*\n {6})enum:( \[[^\]]*\]|(\n {8}- [^\n]*)*)/, (_, head) => head + list(namesIn('command')));
}

const made = new Map(Object.entries(pages()).map(([name, text]) => [join(docsFolder, 'reference', name), text]));
const api = join(schemasFolder, 'asyncapi.yaml');
const shells = join(schemasFolder, '../packaging/completions');
made.set(join(shells, 'vedettectl.bash'), completions.bash(schemas, namesIn('command')));
made.set(join(shells, '_vedettectl'), completions.zsh(schemas, namesIn('command')));
made.set(api, asyncapi(readFileSync(api, 'utf8')));

let stale = 0;
if (option !== '--check') for (const folder of [join(docsFolder, 'reference'), shells]) mkdirSync(folder, { recursive: true });
for (const [path, text] of made) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (option === '--check') {
    ++stale;
    console.error(`${path} is not as the schemas are: run scripts/reference`);
  } else {
    writeFileSync(path, text);
  }
}
process.exit(stale ? 1 : 0);
