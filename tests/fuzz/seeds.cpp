// Writes what the fuzzer begins with: usage: fuzz_seeds FOLDER, which gets a folder for each target.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "media/encoder.h"
#include "media/jpeg.h"
#include "media/mp4_finalize.h"
#include "media/mp4_writer.h"

namespace fs = std::filesystem;
using namespace vedette;

namespace {

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// A clip of a tiny grey picture that changes; left open, as a kill leaves it.
bool write_part(const fs::path& path) {
  VideoEncoder::Options options;
  options.width_px = 64;
  options.height_px = 64;
  options.gop_frames = 5;
  const auto encoder = VideoEncoder::create(options);
  if (!encoder) return false;
  auto info = std::make_shared<StreamInfo>();
  info->video = (*encoder)->track();
  Mp4Options mp4;
  mp4.expected = 1s;
  mp4.metadata = R"({"clip_id":"019aa053-1c50-7333-b111-222233334444"})";
  fs::remove(path);
  const auto writer = Mp4Writer::create(path, info, MonoTime(10s + 80ms), mp4);
  if (!writer) return false;
  for (int i = 0; i < 20; ++i) {
    Picture picture{64, 64, std::vector<uint8_t>(64 * 64, static_cast<uint8_t>(16 + i * 8)),
                    std::vector<uint8_t>(32 * 32, 128), std::vector<uint8_t>(32 * 32, 128)};
    auto packet = (*encoder)->encode(picture, i);
    if (!packet) return false;
    packet->info = info;
    packet->pts = packet->dts = MonoTime(10s + i * 40ms);
    packet->duration = 40ms;
    if (!(*writer)->write(*packet)) return false;
  }
  return true;
}

// A JPEG of a tiny grey picture; the first byte of an input says what it is (camera_info_fuzz.cpp).
bool write_picture(const fs::path& path) {
  VideoEncoder::Options options;
  options.width_px = options.height_px = 64;
  const auto encoder = VideoEncoder::create(options);
  if (!encoder) return false;
  auto packet = (*encoder)->encode({64, 64, std::vector<uint8_t>(64 * 64, 90), std::vector<uint8_t>(32 * 32, 128),
                                    std::vector<uint8_t>(32 * 32, 128)},
                                   0);
  if (!packet) return false;
  auto info = std::make_shared<StreamInfo>();
  info->video = (*encoder)->track();
  packet->info = info;
  const auto jpeg = jpeg_from_keyframe(*packet, {});
  if (!jpeg) return false;
  write(path, "j" + std::string(jpeg->bytes.begin(), jpeg->bytes.end()));
  return true;
}

bool write_clips(const fs::path& folder) {
  fs::create_directories(folder);
  if (!write_part(folder / "part") || !write_part(folder / "cut") || !write_part(folder / "final")) return false;
  fs::resize_file(folder / "cut", fs::file_size(folder / "cut") - 100);
  return mp4_truncate_to_whole_fragments(folder / "final") && mp4_finalize(folder / "final");
}

// The first three bytes of a command's input choose verb and surroundings (command_fuzz.cpp).
void write_texts(const fs::path& folder) {
  int number = 0;
  for (const char* params :
       {R"({})", R"({"camera_id": "front", "pre_roll_ms": 5000, "duration_ms": 10000, "labels": ["door"]})",
        R"({"camera_id": "front", "start": "2026-11-20T08:30:00Z", "allow_late": true, "priority": "high"})",
        R"({"camera_id": "front", "width_px": 640, "quality": 85, "deliver": "both", "timeout_ms": 100})",
        R"({"from": "2026-11-20T08:00:00+01:00", "state": ["ready"], "order": "desc", "limit": 20, "cursor": "x"})",
        R"({"clip_id": "019aa053-1c50-7333-b111-222233334444", "ttl_s": 600})"})
    write(folder / "command_fuzz" / std::to_string(number++),
          R"({"v": 1, "id": "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11", "ts": "2026-11-20T08:30:29.100Z", )"
          R"("expires_at": "2036-11-20T08:31:29.1Z", "reply_to": "web", "actor": "a", "params": )" +
              std::string(params) + "}");
  write(folder / "config_fuzz" / "all", R"(// all sections
{"device_id": "edge-01", "mqtt": {"url": "mqtts://u:p@b:8883", "urls": ["mqtt://[::1]:1"], "topic_root": "a/b",
 "groups": ["g"], "version": 4, "keepalive_s": 30, "username": "u", "password": "secret", "ca_file": "/ca", "alpn":
 "mqtt", "return_after_s": 60},
 "storage": {"path": "/data", "max_bytes": 0, "sync_interval_ms": 2000}, "upload": {"endpoint": "https://s3",
 "fallback_endpoints": ["https://s3-b"], "return_after_s": 60, "bucket":
 "b", "prefix": "p/", "access_key_id": "abcd", "secret_access_key": "env:X", "windows": []}, "recording": {"audio":
 "drop"}, "telemetry": {"interval_s": 30}, "http": {"listen": "127.0.0.1:9180"}, "log": {"level": "info"}, "cameras":
 {"front": {"url": "rtsp://u:p%40@h:554/1", "transport": "udp", "ring_s": 30, "record": "command", "schedule": []},
 "t": {"url": "test://pattern?size=64x64&fps=25&gop=50&audio=1"}}, "plugins": {"acme": "/bin/sh"}})");
  write(folder / "environment_fuzz" / "all",
        R"({"mqtt": {"url": "mqtt://b", "password_file": "/run/x"}, "cameras": {"front": {"url": "rtsp://h/1"}}})"
        "\nMQTT__URL=mqtts://c\nMQTT__PASSWORD=1234\nCAMERAS__FRONT__RING_S=20\nCAMERAS__YARD={\"url\": \"test://x\"}"
        "\nMQTT__GROUPS=[\"a\", \"b\"]\nHTTP__LISTEN=127.0.0.1:9180\n");
  number = 0;
  for (const char* request :
       {"GET /metrics HTTP/1.1\r\nHost: localhost:9180\r\nAuthorization: Bearer fuzz-token-0123456789\r\n\r\n",
        "HEAD /healthz HTTP/1.1\r\nHost: [::1]:9180\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "127.0.0.1:9180"})
    write(folder / "http_fuzz" / std::to_string(number++), request);
  for (const char* topic : {"agent.ping", "recording.start/x", "+"})
    write(folder / "topics_fuzz" / std::to_string(number++),
          std::string(topic) + R"(\ {"v": 1, "id": "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11"})");
  number = 0;
  for (const char* answer :
       {R"({"credentials": {"accessKeyId": "A", "secretAccessKey": "s/+=", "sessionToken": "t",)"
        R"( "expiration": "2026-11-20T09:30:00Z"}})",
        R"({"AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-11-20T09:30:00.5+01:00"})",
        R"({"message": "Access Denied"})"})
    write(folder / "credentials_fuzz" / std::to_string(number++), answer);
  number = 0;
  for (const char* text :
       {"2026-11-20T08:31:29.123456789+01:00", "mqtts://us%20er:p%40ss@[fe80::1%eth0]:8883/", "mqtt://broker",
        "%41%zz%", "rtsp://u:pa55word@h/ X-Amz-Signature=ab&X-Amz-Credential=c Authorization: Digest x\r\nnext"})
    write(folder / "text_fuzz" / std::to_string(number++), text);
  number = 0;
  for (const char* url : {"hik://u:p%40s@h:554/1/main,sub", "hik://h:80/u:p@s@main,sub,third", "dahua://[::1]/12/third",
                          "rtsp://h:554/1?a=b", "test://pattern?size=64x64&fps=1"})
    write(folder / "camera_url_fuzz" / std::to_string(number++), url);
  number = 0;
  for (const char* body :
       {"<t:GetProfilesResponse><t:Profiles token=\"a\"><Name>b</Name></t:Profiles></t:GetProfilesResponse>",
        "<GetStreamUriResponse><MediaUri><Uri>rtsp://h/1?a&amp;b</Uri></MediaUri></GetStreamUriResponse>",
        "<GetCapabilitiesResponse><Media><XAddr>http://h/m</XAddr></Media></GetCapabilitiesResponse>",
        "<GetSystemDateAndTimeResponse><UTCDateTime><Time><Hour>1</Hour><Minute>2</Minute><Second>3</Second></"
        "Time><Date>"
        "<Year>2026</Year><Month>2</Month><Day>28</Day></Date></UTCDateTime></GetSystemDateAndTimeResponse>",
        "<Fault><Code><Subcode><Value>ter:NotAuthorized</Value></Subcode></Code></Fault>",
        "<GetServicesResponse><Service><Namespace>http://www.onvif.org/ver10/events/wsdl</Namespace><XAddr>http://h/e"
        "</XAddr></Service></GetServicesResponse>",
        "<CreatePullPointSubscriptionResponse><SubscriptionReference><Address>http://h/s?Idx=1</Address>"
        "<ReferenceParameters><d:SubscriptionId xmlns:d=\"u\">6</d:SubscriptionId></ReferenceParameters>"
        "</SubscriptionReference><CurrentTime>2026-11-20T08:31:29Z</CurrentTime><TerminationTime>2026-11-20T08:32:29Z"
        "</TerminationTime></CreatePullPointSubscriptionResponse>",
        "<PullMessagesResponse><NotificationMessage><Topic>tns1:RuleEngine/CellMotionDetector/Motion</Topic><Message>"
        "<Message PropertyOperation=\"Changed\"><Source><SimpleItem Name=\"VideoSourceConfigurationToken\" "
        "Value=\"VSC_1\"/></Source><Data><SimpleItem Name=\"IsMotion\" Value=\"true\"/></Data></Message></Message>"
        "</NotificationMessage><NotificationMessage><Topic>tns1:RuleEngine/LineDetector/Crossed</Topic>"
        "</NotificationMessage></PullMessagesResponse>",
        "<ProbeMatches><ProbeMatch><EndpointReference><Address>urn:uuid:1</Address></EndpointReference><Types>"
        "dn:NetworkVideoTransmitter</Types><Scopes>onvif://www.onvif.org/name/a%20b onvif://www.onvif.org/hardware/c"
        "</Scopes><XAddrs>http://10.0.0.5/onvif/device_service</XAddrs></ProbeMatch></ProbeMatches>"})
    write(folder / "onvif_fuzz" / std::to_string(number++),
          "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"x\"><s:Header><RelatesTo>urn:uuid:019aa053-2920-7a00-8000-"
          "000000000036</RelatesTo></s:Header><s:Body>" +
              std::string(body) + "</s:Body></s:Envelope>");
  number = 0;
  for (const char* part :
       {"<EventNotificationAlert><channelID>1</channelID><eventType>VMD</eventType><eventState>active</eventState>"
        "</EventNotificationAlert>",
        "Code=VideoMotion;action=Start;index=0;data={}", "Heartbeat"}) {
    const std::string body(part);
    write(folder / "camera_events_fuzz" / std::to_string(number++),
          "--b\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body + "\r\n--b\r\n\r\n" + body +
              "\r\n--b");
  }
  number = 0;
  for (const char* answer :
       {"-<?xml version=\"1.0\"?><DeviceInfo xmlns=\"x\"><deviceName>n</deviceName><model>m</model><serialNumber>s"
        "</serialNumber><firmwareVersion>V5</firmwareVersion><firmwareReleasedDate>b 1</firmwareReleasedDate>"
        "</DeviceInfo>",
        "-deviceType=31\r\nserialNumber=S\r\ntype=IPC\r\nversion=2.8,build:2026-06-05\r\n",
        "-<s:Envelope "
        "xmlns:s=\"x\"><s:Body><GetDeviceInformationResponse><Manufacturer>M</Manufacturer><Model>N</Model>"
        "<FirmwareVersion>1</FirmwareVersion><SerialNumber>2</SerialNumber></GetDeviceInformationResponse></s:Body>"
        "</s:Envelope>"})
    write(folder / "camera_info_fuzz" / std::to_string(number++), answer);
  const std::string hello = R"({"v": 1, "token": "0123456789abcdef0123456789abcdef", "camera_id": "front"})";
  write(folder / "live_hello_fuzz" / "whole",
        std::string{static_cast<char>(hello.size()), 0, 0, 0, 1, 0, 0, 0} + hello);
  // connect to the app "" and publish "", and a frame: chunks of RTMP behind the handshake.
  const std::string connect(
      "\x02\0\x07"
      "connect\0\x3f\xf0\0\0\0\0\0\0\x03\0\0\x09",
      23);
  const std::string publish(
      "\x02\0\x07"
      "publish\0\x40\0\0\0\0\0\0\0\x05\x02\0\0",
      23);
  const std::string header("\x03\0\0\0\0\0", 6);
  const std::string command("\x14\0\0\0\0", 5);
  write(folder / "rtmp_fuzz" / "publish", header + '\x17' + command + connect + header + '\x17' + command + publish +
                                              std::string("\x06\0\0\0\0\0\x03\x09\x01\0\0\0"
                                                          "vid",
                                                          15));
}

// Two records, a question and its answer, each up to a backslash; the bytes at the end say that their checksums are
// right (journal_fuzz.cpp).
void write_journal(const fs::path& folder) {
  const auto fields = [](std::initializer_list<std::string> texts) {
    std::string out;
    for (const std::string& text : texts) out += std::string{static_cast<char>(text.size()), 0, 0, 0} + text;
    return out;
  };
  const std::string number(8, '\1');
  write(folder / "journal_fuzz" / "answered", "\1" + fields({"a", "clip.query", "alice", "B/reply/x", "c", "front"}) +
                                                  number + number + "\\ \2" +
                                                  fields({"a", "{}", "succeeded", "ok", ""}) + number + "\\ \1\1");
}

// What a good camera says, up to PLAY; the first byte is the transport (rtsp_open_fuzz.cpp).
void write_rtsp(const fs::path& folder) {
  const std::string sdp =
      "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
      "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0IAKeNQFAe2AtwEBAaQeJEV,aM48gA==\r\na=control:trackID=0\r\n"
      "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 mode=AAC-hbr;config=1408;"
      "sizelength=13;indexlength=3;indexdeltalength=3\r\na=control:trackID=1\r\n";
  const auto ok = [](const std::string& headers) { return "RTSP/1.0 200 OK\r\n" + headers + "\r\n"; };
  const std::string challenge =
      "RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\n";
  const std::string described = ok("Content-Length: " + std::to_string(sdp.size()) + "\r\n") + sdp;
  const std::string session = "Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;interleaved=";
  const std::string frame = std::string("$\0\0\x0e\x80\xe0\0\1\0\0\0\0\0\0\0\1\x65\x88", 18);
  const std::string opened =
      ok("Public: GET_PARAMETER\r\n") + described + ok(session + "0-1\r\n") + ok(session + "2-3\r\n") + ok("") + frame;
  write(folder / "rtsp_open_fuzz" / "open", std::string(1, '\0') + opened);
  write(folder / "rtsp_open_fuzz" / "digest", std::string(1, '\0') + challenge + opened);
  const std::string tunnel = "HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n";
  const std::string posted = "HTTP/1.1 200 OK\r\n\r\n";
  write(folder / "rtsp_open_fuzz" / "tunnel", std::string(1, '\3') + tunnel + opened);
  write(folder / "rtsp_open_fuzz" / "post",
        std::string(1, static_cast<char>(3 + 4 * posted.size())) + tunnel + opened + posted);
  for (const auto& [name, text] :
       {std::pair<const char*, std::string>{"sdp", sdp},
        {"described", described},
        {"challenge", challenge},
        {"transport", "RTP/AVP;unicast;client_port=50000-50001;server_port=6970-6971"},
        {"group", "RTP/AVP;multicast;destination=239.1.2.3;source=10.0.0.5;port=5000-5001;ttl=16"},
        {"http", tunnel},
        {"url", "rtsps://u:p@[fe80::1]:322/live?x=1"}})
    write(folder / "rtsp_text_fuzz" / name, text);
  const std::string units[] = {std::string("\x67\x42\0\x29\xe3\x50", 6), "\x78\x00", "\x7c\x85", "\x62\x01\x93",
                               "\x40\x01"};
  for (const char choice : {'\0', '\1', '\2', '\x0a'}) {
    std::string datagrams(1, choice), frames(1, static_cast<char>(choice | 8));
    for (char i = 0; i < 5; ++i) {
      std::string packet =
          std::string("\x80\xe0\0", 3) + i + std::string("\0\0\0\0\0\0\0\1", 8) + units[static_cast<size_t>(i)];
      frames += std::string("$\0\0", 3) + static_cast<char>(packet.size()) + packet;
      packet.resize((packet.size() + 3) / 4 * 4);
      datagrams += std::string{static_cast<char>(packet.size() / 4), '\x0a'} + packet;
    }
    write(folder / "rtsp_media_fuzz" / ("datagrams" + std::to_string(choice)), datagrams);
    write(folder / "rtsp_media_fuzz" / ("frames" + std::to_string(choice)), frames);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  write_texts(argv[1]);
  write_journal(argv[1]);
  write_rtsp(argv[1]);
  if (write_clips(fs::path(argv[1]) / "mp4_fuzz") && write_picture(fs::path(argv[1]) / "camera_info_fuzz" / "picture"))
    return 0;
  std::fputs("the clips or the picture cannot be written\n", stderr);
  return 1;
}
