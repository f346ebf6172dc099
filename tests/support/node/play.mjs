#!/usr/bin/env node
// Plays MP4 files in headless Chromium, as a viewer would get them: over HTTP with ranges.
//
// usage: play.mjs FILE.mp4 ... [--rate 4] [--seek] [--no-play] [--link ROUND_TRIP_MS,KBIT_PER_SECOND]
//   --seek     to three quarters, one quarter, and just before the end, before it is played
//   --no-play  not to its end: for files of hours
//   --link     over an imitated link (link.mjs)
// Prints for each a line of JSON {duration, videoWidth, videoHeight, decodedFrames, droppedFrames, timeToMetadataMs,
// seeks: [{to, at, tookMs}], requests, error}; exit status 1 when one could not be played.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { imitateLink } from './link.mjs';

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
async function playThere({ rate, seek, toEnd, spareMs }) {
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
  const seeks = [];
  let timeToMetadataMs;
  try {
    const metadata = event('loadedmetadata', spareMs);
    video.src = '/clip.mp4';
    await metadata;
    timeToMetadataMs = Math.round(performance.now() - began);
    for (const part of seek ? [0.75, 0.25, 0.99] : []) {
      const seekBegan = performance.now();
      const seeked = event('seeked', spareMs);
      const to = video.duration * part;
      video.currentTime = to;
      await seeked;
      // The frame there is decoded, and not only asked for.
      if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) throw new Error(`no picture at ${to} s`);
      seeks.push({ to, at: video.currentTime, tookMs: Math.round(performance.now() - seekBegan) });
    }
    if (toEnd) {
      video.currentTime = 0;
      video.playbackRate = rate;
      const ended = event('ended', (video.duration * 1000) / rate + spareMs);
      await Promise.all([ended, video.play()]);
    }
    return { ...figures(), timeToMetadataMs, seeks };
  } catch (error) {
    return { ...figures(), timeToMetadataMs, seeks, error: error.message };
  }
}

async function play(browser, file, how) {
  const server = await serve(file);
  const link = how.link && (await imitateLink(server.address().port, how.link));
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    if (link) await page.goto(`http://127.0.0.1:${link.address().port}/`);
    const result = await page.evaluate(playThere, { ...how, spareMs: SPARE_MS });
    return { ...result, requests: server.requests };
  } catch (error) {
    return { error: error.message };
  } finally {
    await page.close();
    server.closeAllConnections();
    server.close();
    link?.close();
  }
}

async function main(words) {
  const files = [];
  const how = { rate: 4, seek: false, toEnd: true };
  while (words.length > 0) {
    const word = words.shift();
    if (word === '--rate') how.rate = Number(words.shift());
    else if (word === '--seek') how.seek = true;
    else if (word === '--no-play') how.toEnd = false;
    else if (word === '--link') {
      const [roundTripMs, kbitPerSecond] = words.shift().split(',').map(Number);
      how.link = { roundTripMs, kbitPerSecond };
    } else files.push(word);
  }
  if (files.length === 0 || files.some((file) => file.startsWith('--'))) {
    console.error('usage: play.mjs FILE.mp4 ... [--rate 4] [--seek] [--no-play] [--link ROUND_TRIP_MS,KBIT_PER_SECOND]');
    return 2;
  }
  const browser = await chromium.launch({ executablePath: BROWSER, args: ARGUMENTS, timeout: START_LIMIT_MS });
  let failed = false;
  try {
    for (const file of files) {
      const result = await play(browser, file, how);
      failed ||= Boolean(result.error);
      console.log(JSON.stringify(result));
    }
  } finally {
    await browser.close();
  }
  return failed ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.log(JSON.stringify({ error: error.message }));
  return 1;
});
