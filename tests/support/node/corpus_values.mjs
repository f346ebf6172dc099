// What corpus.mjs puts into documents.

export const UUID = '019aa053-1c2b-7d10-9a51-3f0b6f3c2a11';
export const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
export const TIMES = [
  '2026-11-20T08:31:29.123Z', '2026-11-20T08:31:29Z', '2026-11-20T09:31:29+01:00', '2026-11-20T08:31:29.123456789-12:30',
  '2024-02-29T00:00:00Z', '2026-11-20T08:31:29.1Z', '1999-12-31T23:59:59.999Z',
];

// Values of every kind, and those that look nearly right. "+0100" is not among them: it is no RFC 3339, but ajv takes it.
export const SPOILT = [
  null, true, false, 0, 1, -1, 2, 1.0, 1.5, 1e3, 1e16, '', 'x', 'X', 'front', '../x', 'a/b', 'a b', '+', '#', 'ä', ' front',
  'front\n', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(129), 'x'.repeat(1025), UUID, UUID.toUpperCase(), `${UUID} `,
  '2026-11-20', '2026-11-20T08:31:29', '2026-13-20T08:31:29Z', '2026-11-31T08:31:29Z', '2026-02-29T08:31:29Z',
  '2026-11-20T24:00:00Z', '2026-11-20T08:60:00Z', '2026-11-20T08:31:29+1:00', '2026-11-20T08:31:29+24:00',
  '2026-11-20T08:31Z', '2026-11-20T08:31:29.Z', 'tomorrow', ...TIMES,
  [], [''], ['x'], [5], [null], ['x'.repeat(65)], Array(17).fill('x'), ['ready'], ['gone'], ['ready', 'ready'],
  [UUID, 'x'], Array(101).fill(UUID), {}, { x: 1 },
  15, 16, 99, 100, 101, 119999, 120000, 120001, 199, 200, 201, 604800, 604801, 3600000, 3600001, 7680, 7681, 86400000,
  86400001, 9007199254740991, 'auto', 'never', 'high', 'normal', 'low', 'inline', 'upload', 'both', 'asc', 'desc', TRACE,
  TRACE.toUpperCase(), `${TRACE}0`, '0.0.0.0', '0.1.2.3', '10.0.0', '10.0.0.256', '10.0.0.05', '10.0.0.5:80', '224.0.0.1',
  '239.255.255.250', '255.255.255.255', '::1',
];

const URL = 'https://s3.example/clips/a?b=c';
const LATER = ['2030-01-01T00:00:00Z', '2030-01-01T01:00:00.5+01:00'];
const succeeded = (result) => ({ v: 1, request_id: UUID, ts: TIMES[0], status: 'succeeded', result });
const refused = (status) => ({ v: 1, request_id: UUID, ts: TIMES[0], status, code: 'forbidden' });
// Of the tests alone; its PEM is in tests/agent/config_fixture.h, too.
const KEY = 'MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7';

const KEYS = { access_key_id_file: 'env:CORPUS_SECRET', secret_access_key_file: 'env:CORPUS_SECRET' };

// Of all but commands, by the end of the member's path: the first is good, the others nearly are, or are told apart.
export const GOOD_AT = {
  v: [1],
  id: [UUID],
  request_id: [UUID],
  ts: TIMES,
  // Responses.
  'response/upload.grant.code': ['forbidden', 'x', 'x'.repeat(64)],
  'response/upload.complete.code': ['not_found'],
  message: ['', 'no', 'x'.repeat(4096)],
  'result.url': [URL],
  'parts.url': [URL],
  'headers.x-a': ['', 'a b', 'x'.repeat(2048)],
  upload_id: ['2~abc', 'x'.repeat(1024)],
  etag: ['a-1', 'x'.repeat(256)],
  sha256: ['a'.repeat(64)],
  expires_at: LATER,
  // The configuration.
  device_id: ['edge-01', 'a'],
  'mqtt.url': ['mqtt://10.0.0.1', 'mqtts://broker.example:8883', 'mqtt://user:pass@10.0.0.1'],
  urls: ['mqtts://b.example', 'mqtts://user:pass@b.example'],
  topic_root: ['vedette', 'a/b', 'x', 'x'.repeat(200)],
  groups: ['all', 'x'.repeat(63)],
  username: ['', 'viewer'],
  password: ['', 'example-secret'],
  access_key_id: ['example-id'],
  secret_access_key: ['example-secret'],
  session_token: ['example-token'],
  signing_key: [`-----BEGIN PRIVATE KEY-----\n${KEY}\n-----END PRIVATE KEY-----\n`],
  signing_key_file: ['env:CORPUS_KEY'],
  token_file: ['env:CORPUS_TOKEN'],
  'import.token_file': ['env:CORPUS_IMPORT_TOKEN'],
  'tokens.token_file': ['env:CORPUS_NAMED_TOKEN'],
  'tokens.name': ['prometheus'],
  password_file: ['env:CORPUS_SECRET'],
  access_key_id_file: ['env:CORPUS_SECRET'],
  secret_access_key_file: ['env:CORPUS_SECRET'],
  session_token_file: ['env:CORPUS_SECRET'],
  ca_file: ['/etc/ca.pem'],
  cert_file: ['/etc/cert.pem'],
  key_file: ['/etc/key.pem'],
  alpn: ['mqtt', 'x'.repeat(254)],
  'storage.path': ['/srv/vedette', '/'],
  endpoint: ['https://s3.test', 'http://10.0.0.9:7480/', 'https://', 'https://a@s3.test', 's3://s3.test'],
  'otlp.endpoint': [
    'https://collector.test:4318', 'http://10.0.0.9:4318/otlp/', 'https://', 'https:///v1', 'https://a@b.test', 'https://a?b',
    'https://a#b', 'https://a b', 'https://a:b;c=d,e!f$g[h]', 'grpc://a',
  ],
  headers_file: ['env:CORPUS_HEADERS'],
  fallback_endpoints: ['https://s3-b.test', 'http://10.0.0.10:7480/', 'https://', 'https://a@s3.test', 's3://s3.test'],
  proxy: ['http://proxy.test:3128', 'http://10.0.0.8/', 'http://user:pass@proxy.test', 'https://proxy.test'],
  proxy_username: ['viewer'],
  proxy_password: ['', 'example-secret'],
  proxy_password_file: ['env:CORPUS_SECRET'],
  storage_class: ['STANDARD_IA', 'x'.repeat(64)],
  kms_key_id: ['arn:aws:kms:eu-1:1:key/1', 'x'.repeat(2048)],
  'tags.x-a': ['site 7', '', 'ä'.repeat(256)],
  'metadata.x-a': ['site 7', 'x'.repeat(1024)],
  bucket: ['clips'],
  region: ['eu-1'],
  prefix: ['', 'a/', 'a b.c', '/a', 'a/../b', 'a\nb'],
  directory: ['/nas'],
  'credentials_endpoint.url': ['https://endpoint.test/credentials?a=b'],
  thing_name: ['', 'edge-01', 'x'.repeat(128)],
  grant_origins: ['https://s3.test', 'http://[::1]:80', 'HTTPS://x'],
  time_zone: ['Europe/Berlin', 'UTC'],
  from: ['08:00', '00:00', '23:59'],
  to: ['18:00', '24:00', '07:59'],
  cron: ['0 8 * * 1-5', '*/5 * * * *'],
  discovery_prefix: ['homeassistant', 'a/b', 'x'.repeat(128)],
  unix: ['/run/vedette/frames.sock'],
  'frames.listen': ['127.0.0.1:38080', '[::1]:9180'],
  'http.listen': ['127.0.0.1:9180', '[::1]:9180', '0.0.0.0:80', 'localhost:9180'],
  trusted_proxies: ['10.0.0.1', '10.0.0.0/8', 'fd00::/8'],
  allow: ['cameras', 'storage/max_bytes', 'mqtt', 'storage/path', 'upload/grant_origins', 'mqtt/', 'mqtt/Url', 'a/b'],
  secrets: ['cred:', '/etc/vedette/secrets/'],
  'front.url': [
    'test://pattern', 'rtsp://10.0.0.5/1', 'hik://10.0.0.5/1/main', 'onvif://10.0.0.5', 'rtsp://user:pass@10.0.0.5/1',
    'file:///a.mp4',
  ],
  'sub.url': ['test://pattern', 'rtsp://10.0.0.5/2', 'rtsp://user:pass@10.0.0.5/2'],
  labels: ['door', 'ä'.repeat(64)],
  plugins: [{}],
  'plugins.x-a': [], // a library that can be loaded
};
// What is good there hangs on files of the machine, on another member, or on more than a pattern can say.
export const BEYOND_AT = Object.fromEntries(
  [
    'signing_key', 'signing_key_file', 'token_file', 'tokens.name', 'headers_file', 'password_file', 'access_key_id_file', 'secret_access_key_file',
    'session_token_file', 'proxy_password_file', 'proxy', 'time_zone', 'cron', 'plugins.x-a', 'front.url', 'sub.url',
    'mqtt.url', 'urls', 'expires_at', 'result.url', 'parts.url', 'unix', 'frames.listen', 'http.listen',
    'trusted_proxies', 'grant_origins', 'ca_file', 'cert_file', 'key_file',
  ].map((name) => [name, true]),
);
export const BASES_AT = {
  config: [{ device_id: 'edge-01' }],
  config_desired: [{ v: 1, version: 7, config: {} }],
  'config_desired.config': [{}],
  'response/upload.grant': [
    succeeded({ url: URL, expires_at: LATER[0] }), refused('denied'), refused('failed'),
  ],
  'response/upload.complete': [succeeded({ etag: 'a-1', size_bytes: 5 }), refused('failed')],
  'cameras.front': [{ url: 'test://pattern' }, { url: 'hik://10.0.0.5/1/main', events: true }],
  upload: [{}, { target: 's3', endpoint: 'https://s3.test', bucket: 'clips', ...KEYS }],
};
