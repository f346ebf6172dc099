#!/usr/bin/env node
// Reads the index of an MP4 with GPAC's parser (MP4Box.js), which has nothing in common with the one that wrote it, nor
// with ffmpeg's.
//
// usage: inspect.mjs FILE.mp4
// Prints JSON {duration, isFragmented, isProgressive, brands, tracks: [{type, codec, samples, duration, edits}], error}.
// `error` names the first thing that is wrong: with the boxes, with the place of a sample, or with its times. Only the
// index is read, so the file may be of any size.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import MP4Box from 'mp4box';

const PIECE_BYTES = 1 << 20;

function parse(fd, size) {
  const file = MP4Box.createFile(false);
  let info;
  file.onReady = (ready) => (info = ready);
  file.onError = (error) => {
    throw new Error(error);
  };
  for (let at = 0; !info && at < size; ) {
    const piece = new ArrayBuffer(Math.min(PIECE_BYTES, size - at));
    readSync(fd, new Uint8Array(piece), 0, piece.byteLength, at);
    piece.fileStart = at;
    const next = file.appendBuffer(piece);
    at = next > at ? next : at + piece.byteLength;
  }
  if (!info) throw new Error('there is no moov');
  return { file, info };
}

function check(track, samples, size) {
  let dts = -1;
  samples.forEach((sample, i) => {
    const where = `sample ${i} of track ${track.id}`;
    if (sample.offset + sample.size > size) throw new Error(`${where} lies behind the end of the file`);
    if (sample.size === 0) throw new Error(`${where} is empty`);
    if (sample.dts <= dts) throw new Error(`${where}: its time does not grow`);
    dts = sample.dts;
  });
  if (!samples[0]?.is_sync) throw new Error(`track ${track.id} does not begin with a keyframe`);
}

function main([path, more]) {
  if (!path || more) {
    console.error('usage: inspect.mjs FILE.mp4');
    return 2;
  }
  const fd = openSync(path, 'r');
  let result;
  try {
    const size = fstatSync(fd).size;
    const { file, info } = parse(fd, size);
    const tracks = info.tracks.map((track) => {
      const samples = file.getTrackSamplesInfo(track.id);
      check(track, samples, size);
      return {
        type: track.type,
        codec: track.codec,
        samples: samples.length,
        duration: track.duration / track.timescale,
        edits: (track.edits ?? []).map((edit) => ({
          media_time: edit.media_time / track.timescale,
          duration: edit.segment_duration / info.timescale,
        })),
      };
    });
    const { isFragmented, isProgressive, brands } = info;
    result = { duration: info.duration / info.timescale, isFragmented, isProgressive, brands, tracks };
  } catch (error) {
    result = { error: error.message };
  } finally {
    closeSync(fd);
  }
  console.log(JSON.stringify(result));
  return result.error ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
