// The rules of OTLP/HTTP in JSON (opentelemetry.io/docs/specs/otlp) for the body of a request: it is read by the code
// that OpenTelemetry generates from its protobuf definition, and what that has understood must be what was sent.
import { isDeepStrictEqual } from 'node:util';
import { createRequire } from 'node:module';

const { opentelemetry } = createRequire(import.meta.url)('@opentelemetry/otlp-transformer/build/src/generated/root');
const { proto } = opentelemetry;

export const KINDS = {
  '/v1/traces': proto.collector.trace.v1.ExportTraceServiceRequest,
  '/v1/metrics': proto.collector.metrics.v1.ExportMetricsServiceRequest,
};
const DAY = 86_400_000_000_000n; // ns
const IDS = { traceId: 16, spanId: 8, parentSpanId: 8 }; // bytes
const DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];
const CUMULATIVE = proto.metrics.v1.AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE;

// Ids are hex, and not base64 as other bytes in protobuf's JSON. Empty lists are as good as none.
function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, inner]) => !(Array.isArray(inner) && inner.length === 0));
  return Object.fromEntries(
    entries.map(([key, inner]) => [key, key in IDS ? Buffer.from(String(inner), 'hex') : decoded(inner)]),
  );
}

function* faultsOfEncoding(Type, sent) {
  const given = decoded(sent);
  let understood;
  try {
    const message = Type.fromObject(given);
    const wrong = Type.verify(message);
    if (wrong) yield `the definition says: ${wrong}`;
    // By way of the binary form, so that only what there is a field for comes back.
    Type.decode(Type.encode(message).finish());
    understood = Type.toObject(message, { longs: String, json: true });
  } catch (error) {
    yield `the definition does not take it: ${error.message}`;
    return;
  }
  if (!isDeepStrictEqual(understood, given)) {
    yield `understood is ${JSON.stringify(understood)}, sent was ${JSON.stringify(given)}`;
  }
}

function* faultsOfAttributes(attributes, where) {
  const keys = (attributes ?? []).map(({ key }) => key);
  for (const key of keys) {
    if (!key) yield `${where} has an attribute without a name`;
    if (keys.indexOf(key) !== keys.lastIndexOf(key)) yield `${where} has ${key} twice`;
  }
}

function* faultsOfTime(text, where) {
  const off = BigInt(text ?? 0) - BigInt(Date.now()) * 1_000_000n;
  if (off > DAY || off < -DAY) yield `${where} is not of today: ${text}`;
}

function* faultsOfSpan(span) {
  for (const [name, bytes] of Object.entries(IDS)) {
    const id = span[name];
    if (id === undefined && name === 'parentSpanId') continue;
    const good = new RegExp(`^[0-9a-f]{${2 * bytes}}$`).test(id) && !/^0+$/.test(id);
    if (!good) yield `${name} is ${id}`;
  }
  if (!span.name) yield 'a span has no name';
  if (!(span.kind >= 1 && span.kind <= 5)) yield `${span.name} has kind ${span.kind}`;
  yield* faultsOfTime(span.startTimeUnixNano, `the start of ${span.name}`);
  if (BigInt(span.endTimeUnixNano) < BigInt(span.startTimeUnixNano)) yield `${span.name} ends before it starts`;
  if (span.spanId === span.parentSpanId) yield `${span.name} is its own parent`;
  yield* faultsOfAttributes(span.attributes, span.name);
  if (span.status?.message && span.status.code !== 2) yield `${span.name} has a message and is no error`;
}

function* faultsOfPoint(metric, kind, point) {
  const where = `${metric.name} ${JSON.stringify(point.attributes)}`;
  yield* faultsOfTime(point.timeUnixNano, where);
  yield* faultsOfAttributes(point.attributes, where);
  if (kind !== 'gauge') {
    if (!point.startTimeUnixNano) yield `${where} does not say since when it counts`;
    if (BigInt(point.startTimeUnixNano ?? 0) > BigInt(point.timeUnixNano)) yield `${where} starts after its time`;
  }
  if (kind !== 'histogram') {
    if (('asInt' in point) === ('asDouble' in point)) yield `${where} must have one value`;
    if (kind === 'sum' && Number(point.asInt ?? point.asDouble) < 0) yield `${where} is below 0`;
    return;
  }
  const counts = (point.bucketCounts ?? []).map(BigInt), bounds = point.explicitBounds ?? [];
  if (counts.length !== bounds.length + 1) yield `${where} has ${counts.length} buckets and ${bounds.length} bounds`;
  if (counts.reduce((a, b) => a + b, 0n) !== BigInt(point.count)) yield `${where}: the buckets are not the count`;
  if (bounds.some((bound, i) => i > 0 && bound <= bounds[i - 1])) yield `${where}: the bounds do not grow`;
}

function* faultsOfMetric(metric) {
  const kinds = DATA.filter((kind) => kind in metric);
  if (!/^[A-Za-z][A-Za-z0-9_./-]{0,254}$/.test(metric.name)) yield `${metric.name} is no name of an instrument`;
  if (kinds.length !== 1) return yield `${metric.name} has the data ${kinds}`;
  const [kind] = kinds, data = metric[kind], points = data.dataPoints ?? [];
  if (points.length === 0) yield `${metric.name} has no points`;
  if (kind !== 'gauge' && data.aggregationTemporality !== CUMULATIVE) yield `${metric.name} is not cumulative`;
  if (kind === 'sum' && data.isMonotonic !== true) yield `${metric.name} does not only grow`;
  const attributes = points.map((point) => JSON.stringify(point.attributes));
  if (new Set(attributes).size !== attributes.length) yield `${metric.name} has two points with the same attributes`;
  for (const point of points) yield* faultsOfPoint(metric, kind, point);
}

function* faultsOfResource(resource) {
  const at = Object.fromEntries((resource?.attributes ?? []).map(({ key, value }) => [key, value.stringValue]));
  for (const name of ['service.name', 'service.version', 'service.instance.id']) {
    if (!at[name]) yield `the resource has no ${name}`;
  }
}

function* faultsOfContent(path, sent) {
  for (const { resource, scopeSpans, scopeMetrics } of sent.resourceSpans ?? sent.resourceMetrics ?? []) {
    yield* faultsOfResource(resource);
    for (const { scope, spans, metrics } of scopeSpans ?? scopeMetrics ?? []) {
      if (!scope?.name) yield 'the scope has no name';
      if (!spans?.length && !metrics?.length) yield 'there is nothing in it';
      for (const span of spans ?? []) yield* faultsOfSpan(span);
      for (const metric of metrics ?? []) yield* faultsOfMetric(metric);
      const names = (metrics ?? []).map(({ name }) => name);
      if (new Set(names).size !== names.length) yield 'a metric is there twice';
    }
  }
}

// All that is wrong with a body, as sentences.
export function otlpFaults(path, sent) {
  const Type = KINDS[path];
  if (!Type) return [`nothing is taken at ${path}`];
  const encoding = [...faultsOfEncoding(Type, sent)];
  return encoding.length > 0 ? encoding : [...faultsOfContent(path, sent)];
}
