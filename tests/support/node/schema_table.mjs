// Turns a JSON Schema (draft-07, of the kind in schemas/) into the rows of a Markdown table.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const SUFFIX = '.schema.json';
const DEEPEST = 6;

// A node and what another says more strictly of it: without the members that are false there.
function narrowed(node, more) {
  const properties = { ...node.properties };
  for (const [name, child] of Object.entries(more.properties ?? {}))
    if (child === false) delete properties[name];
    else properties[name] = { allOf: [properties[name], child] };
  const { properties: ignored, ...own } = more;
  return { ...node, ...own, ...(node.properties && { properties }), ...(more.items && { items: { allOf: [node.items, more.items] } }) };
}

// Schemas of a folder, each read once, and what their $ref point to.
export class SchemaFolder {
  #folder;
  #read = new Map();

  constructor(folder) {
    this.#folder = folder;
  }

  // name: "event/clip.ready"
  get(name) {
    const path = name + SUFFIX;
    if (!this.#read.has(path)) this.#read.set(path, JSON.parse(readFileSync(join(this.#folder, path), 'utf8')));
    return this.#read.get(path);
  }

  // The node itself without $ref, and allOf of one or of one and what narrows it (without $ref, as that is read from the
  // same home): {node, home}, home being the name of the schema that it stands in.
  resolve(node, home) {
    if (node.$ref) {
      const [file, pointer] = node.$ref.split('#');
      const name = file ? join(dirname(home), file).slice(0, -SUFFIX.length) : home;
      let found = this.get(name);
      for (const key of (pointer ?? '').split('/').slice(1)) found = found[key];
      return this.resolve(found, name);
    }
    if (node.allOf?.length > 0 && node.allOf.slice(1).every((more) => !more.if)) {
      const { allOf: [first, ...more], ...own } = node;
      const base = this.resolve(first, home);
      return { node: { ...more.reduce(narrowed, base.node), ...own }, home: base.home };
    }
    return { node, home };
  }
}

const code = (value) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function range(least, most) {
  if (least === undefined && most === undefined) return '';
  if (most === undefined) return ` from ${least}`;
  return least === undefined ? ` up to ${most}` : ` ${least} to ${most}`;
}

// What a value may be, in words.
export function typeOf(schemas, raw, home) {
  const { node, home: at } = schemas.resolve(raw, home);
  if (node.const !== undefined) return code(node.const);
  if (node.enum) return node.enum.map(code).join(' ');
  const either = node.oneOf ?? node.anyOf;
  if (either && !node.properties) {
    const kinds = either.filter((one) => one.type || one.$ref || one.const || one.enum);
    if (kinds.length) return [...new Set(kinds.map((one) => typeOf(schemas, one, at)))].join(' or ');
  }
  const type = Array.isArray(node.type) ? node.type.join(' or ') : (node.type ?? 'any');
  switch (type) {
    case 'integer':
    case 'number':
      return type + range(node.minimum, node.maximum);
    case 'string':
      if (node.format === 'date-time') return 'time';
      if (node.pattern?.startsWith('^[0-9]{4}-[0-9]{2}')) return 'time';
      if (node.pattern?.startsWith('^[0-9a-f]{8}-')) return 'UUID';
      return `string${node.maxLength ? `, up to ${node.maxLength}` : ''}`;
    case 'array': {
      const items = Array.isArray(node.items)
        ? `[${node.items.map((item) => typeOf(schemas, item, at)).join(', ')}]`
        : `list of ${node.items ? typeOf(schemas, node.items, at) : 'any'}`;
      return Array.isArray(node.items) || !node.maxItems ? items : `${items}, up to ${node.maxItems}`;
    }
    default:
      return type;
  }
}

// [name, type, needed or default, description] of each member, those of objects inside with a dotted name.
export function rows(schemas, raw, home, prefix = '', depth = 0) {
  const { node, home: at } = schemas.resolve(raw, home);
  if (depth > DEEPEST) return [];
  const found = [];
  const add = (name, child, needed) => {
    const { node: member, home: memberHome } = schemas.resolve(child, at);
    const state = needed ? 'yes' : member.default === undefined ? '' : `default ${code(member.default)}`;
    found.push([prefix + name, typeOf(schemas, member, memberHome), state, child.description ?? member.description ?? '']);
    const inner = member.type === 'array' && !Array.isArray(member.items) ? member.items : member;
    const mark = inner === member ? '.' : '[].';
    if (inner) found.push(...rows(schemas, inner, memberHome, prefix + name + mark, depth + 1));
  };
  for (const [name, child] of Object.entries(node.properties ?? {})) add(name, child, node.required?.includes(name));
  for (const child of Object.values(node.patternProperties ?? {})) add('{name}', child, false);
  if (node.additionalProperties?.$ref || node.additionalProperties?.type) add('{name}', node.additionalProperties, false);
  return found;
}

export function table(found, third) {
  if (!found.length) return '';
  const lines = found.map(([name, type, state, text]) => `| \`${name}\` | ${cell(type)} | ${cell(state)} | ${cell(text)} |`);
  return [`| member | is | ${third} | |`, '|---|---|---|---|', ...lines].join('\n') + '\n';
}
