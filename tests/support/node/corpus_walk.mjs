// Makes documents out of a schema: the smallest, the fullest, each member with each of its good values, and everything
// spoilt, at every depth.

const LONGEST_LIST = 100;

export class CorpusWalk {
  // schemas: SchemaFolder. `good`: end of a member's path ("mqtt.url", "url") -> values that are good there. `beyond`: ends
  // of paths of which the schema does not say all: other values that it takes are not judged. `bases`: end of a path ->
  // objects that the others are made from, where the smallest is not enough. `spoilt`: values to put everywhere.
  constructor(schemas, { good, beyond, bases, spoilt }) {
    Object.assign(this, { schemas, good, beyond, bases, spoilt });
  }

  // {change, value, beyond} of a schema, by its name.
  *documents(name) {
    yield* this.#variants(this.schemas.get(name), name, name);
  }

  #find(table, path) {
    const words = path.split('.');
    for (let i = 0; i < words.length; ++i) if (table[words.slice(i).join('.')]) return table[words.slice(i).join('.')];
    return undefined;
  }

  // Members of an object with a name each, also where any name will do.
  #members(node, home) {
    const { node: own, home: at } = this.schemas.resolve(node, home);
    const named = { ...own.properties, ...own.then?.properties };
    for (const child of Object.values(own.patternProperties ?? {})) named.front = child;
    if (typeof own.additionalProperties === 'object') named['x-a'] = own.additionalProperties;
    return { own, at, named: Object.entries(named) };
  }

  #bases(node, home, path) {
    const told = this.#find(this.bases, path);
    if (told) return told;
    const { own, at } = this.#members(node, home);
    const base = (keys) =>
      Object.fromEntries(keys.map((key) => [key, this.#first(own.properties[key], at, `${path}.${key}`)]));
    const either = (own.anyOf ?? own.oneOf ?? []).filter((one) => one.required && !one.properties);
    return either.length ? either.map((one) => base([...(own.required ?? []), ...one.required])) : [base(own.required ?? [])];
  }

  #first(node, home, path) {
    return this.#goodValues(node, home, path)[0];
  }

  #goodValues(node, home, path) {
    const told = this.#find(this.good, path);
    if (told) return told;
    const { node: own, home: at } = this.schemas.resolve(node, home);
    if (own.const !== undefined) return [own.const];
    if (own.enum) return own.enum;
    if (own.type === 'object' || own.properties) return this.#bases(own, at, path);
    if (own.anyOf) return own.anyOf.flatMap((one) => this.#goodValues(one, at, path));
    if (own.type === 'array') return [[this.#first(own.items, at, path)], []];
    if (own.type === 'boolean') return [true, false];
    if (own.type === 'integer') {
      const most = own.maximum ?? Number.MAX_SAFE_INTEGER;
      return [own.minimum, most].concat(own.multipleOf ? [own.multipleOf * 100] : [own.minimum + 1]);
    }
    throw new Error(`no good value for ${path}`);
  }

  *#variants(node, home, path) {
    const { node: own, home: at } = this.schemas.resolve(node, home);
    const beyond = this.#find(this.beyond, path) !== undefined;
    for (const value of this.spoilt) yield { change: path, value, beyond };
    if (own.anyOf && !own.properties) {
      for (const one of own.anyOf) yield* this.#inside(one, at, path);
    } else {
      yield* this.#inside(own, at, path);
    }
  }

  *#inside(node, home, path) {
    const { node: own, home: at } = this.schemas.resolve(node, home);
    if (own.type === 'object' || own.properties) yield* this.#objects(own, at, path);
    else if (own.type === 'array') yield* this.#arrays(own, at, path);
    else yield* this.#scalars(own, at, path);
  }

  *#scalars(own, at, path) {
    const beyond = this.#find(this.beyond, path) !== undefined;
    for (const value of this.#goodValues(own, at, path)) yield { change: path, value, beyond: false };
    if (own.minimum !== undefined) yield { change: `${path}, less`, value: own.minimum - 1, beyond };
    if (own.maximum !== undefined) yield { change: `${path}, more`, value: own.maximum + 1, beyond };
    for (const length of [own.minLength - 1, own.minLength, own.maxLength, own.maxLength + 1])
      if (length >= 0) yield { change: `${path}, ${length} long`, value: 'x'.repeat(length), beyond };
  }

  *#arrays(own, at, path) {
    const good = this.#first(own.items, at, path);
    const of = (count) => Array(Math.min(count, LONGEST_LIST)).fill(good);
    yield { change: `${path}, empty`, value: [], beyond: false };
    for (const count of [2, own.maxItems, own.maxItems + 1])
      if (count) yield { change: `${path}, ${count} of them`, value: of(count), beyond: false };
    for (const made of this.#variants(own.items, at, path)) {
      yield { ...made, value: [made.value] };
      yield { ...made, value: [good, made.value] };
    }
  }

  *#objects(node, home, path) {
    const { own, at, named } = this.#members(node, home);
    for (const base of this.#bases(node, home, path)) {
      yield { change: `${path}, base`, value: base, beyond: false };
      yield { change: `${path}, another member`, value: { ...base, later: 1 }, beyond: false };
      for (const key of Object.keys(base))
        yield { change: `${path} without ${key}`, value: { ...base, [key]: undefined }, beyond: false };
      for (const [key, child] of named) {
        for (const made of this.#variants(child, at, `${path}.${key}`))
          yield { ...made, value: { ...base, [key]: made.value } };
        // What excludes each other, or goes together, shows in pairs.
        const pair = { ...base, [key]: this.#first(child, at, `${path}.${key}`) };
        for (const [other, otherChild] of named)
          for (const value of other === key ? [] : this.#goodValues(otherChild, at, `${path}.${other}`).slice(0, 2))
            yield { change: `${path}.${key} and ${other}`, value: { ...pair, [other]: value }, beyond: false };
      }
      for (const name of Object.keys(own.patternProperties ?? {}).length ? ['', 'Front', 'a/b', 'a_b-c', 'x'.repeat(64)] : [])
        yield {
          change: `${path}, named ${name}`,
          value: { ...base, [name]: this.#first(named.find(([key]) => key === 'front')[1], at, `${path}.front`) },
          beyond: false,
        };
    }
  }
}
