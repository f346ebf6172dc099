#!/bin/bash
# Makes a file that looks, to a demuxer, like what a certain camera sends: a moving test picture, a tone where there is
# sound, GOPs of a fixed length without scene cuts. For machines that have no real footage.
#
# usage: make_footage.sh KIND FILE       (kinds: the names of enum Footage in media.h)
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
kind=$1
file=$2

encode() {
    ffmpeg -nostdin -v error -y "$@"
}

picture() { # size, rate
    echo "-f lavfi -i testsrc2=size=$1:rate=$2"
}

tone() { # sample rate
    echo "-f lavfi -i sine=frequency=440:sample_rate=$1"
}

h264() { # profile, GOP, bit rate, further words
    echo "-c:v libx264 -preset veryfast -profile:v $1 -pix_fmt yuv420p" \
        "-g $2 -keyint_min $2 -sc_threshold 0 -b:v $3 ${*:4}"
}

# Three frame rates, as a camera has them that exposes longer in the dark, and a gap of 0.6 s.
varying="select='lt(t,5)+between(t,5,10)*not(mod(n,2))+gt(t,10.6)*not(mod(n,5))'"

# The words of the options are meant to be split.
# shellcheck disable=SC2046
case $kind in
    h264_aac_1080p25)
        encode $(picture 1920x1080 25) $(tone 16000) -t 12 \
            $(h264 main 50 4M -preset ultrafast -bf 0 -maxrate 4M -bufsize 1M) -c:a aac -b:a 32k -ac 1 "$file"
        ;;
    h264_no_audio)
        encode $(picture 768x432 10) -t 30 $(h264 main 10 300k -bf 1) "$file"
        ;;
    h264_pcmu)
        encode $(picture 640x360 15) $(tone 8000) -t 20 $(h264 baseline 30 400k) -c:a pcm_mulaw -ac 1 "$file"
        ;;
    h264_bframes_aac)
        encode $(picture 1280x720 25) $(tone 48000) -t 12 \
            $(h264 high 75 1M -bf 3 -b-pyramid normal -b_strategy 0) -c:a aac -ac 1 "$file"
        ;;
    h264_long_gop)
        encode $(picture 1280x720 25) -t 40 $(h264 high 500 200k -preset ultrafast -bf 0) "$file"
        ;;
    h264_vfr)
        encode $(picture 640x360 25) -t 20 -vf "$varying" -vsync vfr $(h264 high 50 150k -bf 0) "$file"
        ;;
    h264_size_change)
        # One behind the other, the second with the timestamps of what follows and the mark that its counters begin
        # anew.
        encode $(picture 640x360 25) -t 6 $(h264 main 25 500k -bf 0) -muxdelay 0 -muxpreload 0 -f mpegts "$file"
        encode $(picture 1280x720 25) -t 6 $(h264 main 25 500k -bf 0) -muxdelay 0 -muxpreload 0 \
            -output_ts_offset 6 -mpegts_flags +initial_discontinuity -f mpegts - >> "$file"
        ;;
    h265_pcma)
        encode $(picture 1920x1080 20) $(tone 8000) -t 12 -c:v libx265 -preset ultrafast -x265-params \
            bframes=0:keyint=40:min-keyint=40:scenecut=0:open-gop=0:log-level=error -tag:v hvc1 -b:v 1500k \
            -pix_fmt yuv420p -c:a pcm_alaw -ac 1 "$file"
        ;;
    mpeg4_aac)
        encode $(picture 768x432 25) $(tone 16000) -t 12 -c:v mpeg4 -bf 0 -g 25 -b:v 500k -c:a aac -ac 1 "$file"
        ;;
    mjpeg)
        encode $(picture 640x360 10) -t 8 -c:v mjpeg -q:v 8 -pix_fmt yuvj420p "$file"
        ;;
    h264_5fps)
        encode $(picture 640x360 5) -t 20 $(h264 main 10 200k -bf 0) "$file"
        ;;
    h264_60fps)
        encode $(picture 640x360 60) $(tone 16000) -t 10 $(h264 main 60 800k -bf 0) -c:a aac -b:a 32k -ac 1 "$file"
        ;;
    *)
        echo "make_footage.sh: there is no $kind" >&2
        exit 2
        ;;
esac
