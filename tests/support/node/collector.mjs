#!/usr/bin/env node
// An OpenTelemetry collector in small: takes OTLP/HTTP in JSON on a loopback port, judges every request by otlp.mjs, and
// writes it down as a line of the file LOG: {path, headers, status, faults, body}. What is wrong is answered 400.
//
// usage: collector.mjs PORT SCRIPT LOG [CERT KEY]
// SCRIPT is a file with a JSON object, read at each request: {"status": 503, "headers": {...}, "body": "..."} instead of
// what it would answer, {"silent": true} to answer nothing. With CERT and KEY it is https.
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { gunzipSync } from 'node:zlib';

import { otlpFaults } from './otlp.mjs';

const [port, script, log, cert, key] = process.argv.slice(2);

function read(request, bytes) {
  const faults = [];
  if (request.method !== 'POST') faults.push(`the method is ${request.method}`);
  if (request.headers['content-type'] !== 'application/json') faults.push(`it is ${request.headers['content-type']}`);
  try {
    const body = JSON.parse(request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes);
    return { body, faults: [...faults, ...otlpFaults(request.url, body)] };
  } catch (error) {
    return { body: null, faults: [...faults, `the body cannot be read: ${error.message}`] };
  }
}

function answer(request, response, bytes) {
  const told = JSON.parse(readFileSync(script, 'utf8'));
  const { body, faults } = read(request, bytes);
  const status = told.silent ? 0 : (told.status ?? (faults.length > 0 ? 400 : 200));
  appendFileSync(log, `${JSON.stringify({ path: request.url, headers: request.headers, status, faults, body })}\n`);
  if (told.silent) return;
  response.writeHead(status, { 'content-type': 'application/json', ...told.headers });
  response.end(told.body ?? JSON.stringify(status === 200 ? {} : { message: faults[0] ?? '' }));
}

function serve(request, response) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => answer(request, response, Buffer.concat(chunks)));
}

const server = cert
  ? createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) }, serve)
  : createHttpServer(serve);
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
