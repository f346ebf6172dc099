#!/usr/bin/env node
// Plays an MP4 to its end in headless Chromium, as a viewer would get it: over HTTP with ranges.
//
// usage: play.mjs FILE.mp4 [--rate 4]
// Prints JSON {duration, videoWidth, videoHeight, decodedFrames, droppedFrames, timeToMetadataMs, requests, error};
// exit status 1 when the file could not be played to the end.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
// Nothing but loopback: no update, no sync, no proxy.
const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server', '--disable-sync',
  '--disable-background-networking', '--disable-component-update', '--mute-audio',
  '--autoplay-policy=no-user-gesture-required',
];
const START_LIMIT_MS = 60_000;
// Beside the time that the clip needs: decoding in software on a busy machine.
const SPARE_MS = 60_000;

function rangeOf(header, size) {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (!match) return undefined;
  return { start: Number(match[1]), end: Math.min(match[2] ? Number(match[2]) : size - 1, size - 1) };
}

function serve(file) {
  const size = statSync(file).size;
  const server = createServer((request, response) => {
    if (request.url !== '/clip.mp4') {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<!doctype html><link rel=icon href="data:,"><video muted></video>');
      return;
    }
    ++server.requests;
    const range = rangeOf(request.headers.range, size);
    const { start, end } = range ?? { start: 0, end: size - 1 };
    response.writeHead(range ? 206 : 200, {
      'content-type': 'video/mp4',
      'accept-ranges': 'bytes',
      'content-length': end - start + 1,
      ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
    });
    createReadStream(file, { start, end }).on('error', () => response.destroy()).pipe(response);
  });
  server.requests = 0;
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

// Runs in the page.
async function playThere({ rate, spareMs }) {
  const video = document.querySelector('video');
  const figures = () => {
    const quality = video.getVideoPlaybackQuality();
    return {
      duration: video.duration,
      videoWidth: video.videoWidth,
      videoHeight: video.videoHeight,
      decodedFrames: quality.totalVideoFrames,
      droppedFrames: quality.droppedVideoFrames,
    };
  };
  const event = (name, limitMs) =>
    new Promise((resolve, reject) => {
      video.addEventListener(name, resolve, { once: true });
      video.addEventListener('error', () => reject(new Error(video.error?.message || `code ${video.error?.code}`)));
      setTimeout(() => reject(new Error(`no ${name} after ${limitMs} ms, at ${video.currentTime} s`)), limitMs);
    });
  const began = performance.now();
  let timeToMetadataMs;
  try {
    const metadata = event('loadedmetadata', spareMs);
    video.src = '/clip.mp4';
    await metadata;
    timeToMetadataMs = Math.round(performance.now() - began);
    video.playbackRate = rate;
    const ended = event('ended', (video.duration * 1000) / rate + spareMs);
    await Promise.all([ended, video.play()]);
    return { ...figures(), timeToMetadataMs };
  } catch (error) {
    return { ...figures(), timeToMetadataMs, error: error.message };
  }
}

async function play(file, rate) {
  const server = await serve(file);
  let browser;
  try {
    browser = await chromium.launch({ executablePath: BROWSER, args: ARGUMENTS, timeout: START_LIMIT_MS });
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const result = await page.evaluate(playThere, { rate, spareMs: SPARE_MS });
    return { ...result, requests: server.requests };
  } finally {
    await browser?.close();
    server.closeAllConnections();
    server.close();
  }
}

async function main([file, option, value]) {
  if (!file || (option && option !== '--rate')) {
    console.error('usage: play.mjs FILE.mp4 [--rate 4]');
    return 2;
  }
  const result = await play(file, Number(value ?? 4)).catch((error) => ({ error: error.message }));
  console.log(JSON.stringify(result));
  return result.error ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
