#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sources/onvif/device.h"
#include "sources/source.h"
#include "tests/sources/silent_server.h"
#include "tests/sources/source_run.h"
#include "tests/support/certificates.h"
#include "tests/support/http_camera.h"
#include "tests/support/ports.h"
#include "tests/support/temp_dir.h"

namespace vedette::onvif {
namespace {

using test::HttpCamera;
using testing::HasSubstr;

constexpr const char* kPassword = "p@ss<&>w:rd 1";

std::string envelope(const std::string& body) {
  return R"(<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"><SOAP-ENV:Body>)" +
         body + "</SOAP-ENV:Body></SOAP-ENV:Envelope>";
}

TEST(OnvifSoapTest, PrefixesAreTheCamerasChoice) {
  const auto uri =
      read_uri(envelope("<a:GetStreamUriResponse><b:MediaUri><Uri xmlns=\"x\"> rtsp://h/1?a=1&amp;b=2 "
                        "</Uri></b:MediaUri></a:GetStreamUriResponse>"));
  ASSERT_TRUE(uri) << uri.error().message;
  EXPECT_EQ(*uri, "rtsp://h/1?a=1&b=2");
  const auto profiles = read_profiles(envelope(
      "<GetProfilesResponse><x:Profiles token=\"t1\"><y:Name>Main &lt;1&gt;</y:Name></x:Profiles><x:Profiles/><Other/>"
      "</GetProfilesResponse>"));
  ASSERT_TRUE(profiles);
  ASSERT_EQ(profiles->size(), 2u);
  EXPECT_EQ((*profiles)[0].token, "t1");
  EXPECT_EQ((*profiles)[0].name, "Main <1>");
}

TEST(OnvifSoapTest, FaultsAreTheErrorsThatTheyTell) {
  const auto fault = [](const std::string& subcode) {
    return read_uri(envelope("<f:Fault><f:Code><f:Value>f:Sender</f:Value><f:Subcode><f:Value>" + subcode +
                             "</f:Value></f:Subcode></f:Code></f:Fault>"))
        .error()
        .code;
  };
  EXPECT_EQ(fault("ter:NotAuthorized"), Code::forbidden);
  EXPECT_EQ(fault("wsse:FailedAuthentication"), Code::forbidden);
  EXPECT_EQ(fault("ter:InvalidArgVal"), Code::not_found);
  EXPECT_EQ(fault("ter:Action"), Code::camera_unavailable);
}

TEST(OnvifSoapTest, AnythingElseIsAnErrorAndNoEntityIsFollowed) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "<a>";
  for (const std::string& answer :
       {std::string(), std::string("no XML"), envelope(""), envelope("<GetStreamUriResponse/>"), envelope(deep),
        std::string(kMostAnswerBytes + 1, '<'), envelope("<MediaUri><Uri></Uri></MediaUri>")})
    EXPECT_EQ(read_uri(answer).error().code, Code::camera_unavailable);
  const auto entity = read_uri("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" +
                               envelope("<MediaUri><Uri>rtsp://h/&e;</Uri></MediaUri>"));
  EXPECT_TRUE(!entity || *entity == "rtsp://h/&e;");
}

TEST(OnvifSoapTest, TimesAreCheckedInAllTheirParts) {
  const auto time = [](const char* hour, const char* month, const char* day) {
    return read_time(envelope(std::string("<GetSystemDateAndTimeResponse><UTCDateTime><Time><Hour>") + hour +
                              "</Hour><Minute>59</Minute><Second>7</Second></Time><Date><Year>2026</Year><Month>" +
                              month + "</Month><Day>" + day +
                              "</Day></Date></UTCDateTime></GetSystemDateAndTimeResponse>"));
  };
  ASSERT_TRUE(time("23", "2", "28"));
  EXPECT_EQ(to_rfc3339(*time("23", "2", "28")), "2026-02-28T23:59:07.000Z");
  EXPECT_FALSE(time("24", "2", "28"));
  EXPECT_FALSE(time("23", "2", "30"));
  EXPECT_FALSE(time("23", "x", "1"));
  EXPECT_FALSE(time("", "1", "1"));
}

Device device(uint16_t port, const std::string& password = kPassword, microseconds limit = 5s) {
  NetworkUrl url;
  url.host = "127.0.0.1";
  url.port = port;
  return Device({url, "view&er", password, Clock::system().mono() + limit}, std::stop_token());
}

HttpCamera camera(std::vector<std::string> more) {
  more.insert(more.end(), {"--cameras", "2", "--rtsp-port", "8554"});
  return HttpCamera({.user = "view&er", .password = kPassword, .more = std::move(more)});
}

// Digest only; WS-UsernameToken only, by a clock an hour ahead; behind a router that gives it another name.
TEST(OnvifDeviceTest, ProvesWhoAsksEitherWayAndKeepsTheHost) {
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{"--onvif-auth", "digest"},
                                             {"--onvif-auth", "wsse", "--clock-offset", "3600"},
                                             {"--onvif-host", "10.99.99.99"}}) {
    SCOPED_TRACE(more.back());
    const HttpCamera http = camera(more);
    Device asked = device(http.port());
    const auto stream = asked.stream_uri("ch2_sub");
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(*stream, "rtsp://127.0.0.1:8554/Streaming/Channels/202?transportmode=unicast&profile=ch2_sub");
    const auto snapshot = asked.snapshot_uri("");
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(*snapshot, "http://" + http.authority() + "/onvif/snapshot/ch1_main");
  }
}

TEST(OnvifSoapTest, ServicesAreFoundInTheNewWayAndTheOld) {
  const auto services = read_services(envelope(
      "<x:GetServicesResponse><x:Service><x:Namespace> http://www.onvif.org/ver10/events/wsdl </x:Namespace>"
      "<x:XAddr>http://h/e?a&amp;b</x:XAddr></x:Service><x:Service><x:Namespace>http://www.onvif.org/ver20/media/"
      "wsdl</x:Namespace><x:XAddr>http://h/m2</x:XAddr></x:Service><x:Other/></x:GetServicesResponse>"));
  ASSERT_TRUE(services) << services.error().message;
  EXPECT_EQ(services->events, "http://h/e?a&b");
  EXPECT_EQ(services->media, "") << "Media2 is another service";
  const auto capabilities = read_capabilities(
      envelope("<GetCapabilitiesResponse><Capabilities><Analytics><XAddr>http://h/a</XAddr></Analytics><Events><XAddr>"
               "http://h/e</XAddr></Events><Media><XAddr>http://h/m</XAddr></Media></Capabilities>"
               "</GetCapabilitiesResponse>"));
  ASSERT_TRUE(capabilities) << capabilities.error().message;
  EXPECT_EQ(capabilities->events + " " + capabilities->media, "http://h/e http://h/m");
  EXPECT_FALSE(read_services(envelope("<GetCapabilitiesResponse/>")));
  EXPECT_FALSE(read_capabilities(envelope("")));
}

TEST(OnvifDeviceTest, AsksOldAndNewCamerasForTheirServices) {
  for (const char* how : {"old", "new"}) {
    const HttpCamera http = camera({"--onvif-services", how});
    Device asked = device(http.port());
    ASSERT_TRUE(asked.stream_uri("ch1_main")) << how;
    EXPECT_EQ(asked.event_address().value(), http.url("/onvif/event_service")) << how;
  }
  const HttpCamera http = camera({"--events", "none"});
  Device asked = device(http.port());
  EXPECT_TRUE(asked.stream_uri("ch1_main"));
  EXPECT_EQ(asked.event_address().error().code, Code::unsupported);
}

TEST(OnvifDeviceTest, TellsTheVideoSourcesOfAProfileFromThoseOfOthers) {
  const HttpCamera http = camera({});
  const auto sources = device(http.port()).video_sources("ch2_sub");
  ASSERT_TRUE(sources) << sources.error().message;
  EXPECT_THAT(sources->own, testing::ElementsAre("VSC_2", "VS_2"));
  EXPECT_THAT(sources->others, testing::ElementsAre("VSC_1", "VS_1"));
  EXPECT_EQ(device(http.port()).video_sources("ch9").error().code, Code::not_found);
}

TEST(OnvifDeviceTest, AsksByHttpsAndVerifiesTheCertificate) {
  const test::TempDir dir;
  const test::Certificates certificates(dir.path());
  const auto ask = [&](const std::filesystem::path& cert, const std::string& ca_file) {
    auto key = cert;
    const HttpCamera http(
        {.user = "viewer", .password = kPassword, .cert = cert, .key = key.replace_extension(".key")});
    NetworkUrl url;
    url.host = "127.0.0.1";
    url.port = http.port();
    Device asked({url, "viewer", kPassword, Clock::system().mono() + 5s, true, ca_file}, std::stop_token());
    const auto picture = asked.snapshot_uri("ch1_main");
    EXPECT_EQ(picture.value_or(http.url("/onvif/snapshot/ch1_main")), http.url("/onvif/snapshot/ch1_main"));
    return picture ? Code::ok : picture.error().code;
  };
  EXPECT_EQ(ask(certificates.server_cert, certificates.ca), Code::ok);
  EXPECT_EQ(ask(certificates.server_cert, ""), Code::forbidden) << "not one of the system's";
  EXPECT_EQ(ask(certificates.make_for("camera.example"), certificates.ca), Code::forbidden);
  EXPECT_EQ(ask(certificates.make_expired(), certificates.ca), Code::forbidden);
  const auto self_signed = certificates.make_self_signed();
  EXPECT_EQ(ask(self_signed, self_signed), Code::ok);
  EXPECT_EQ(ask(self_signed, certificates.ca), Code::forbidden);
}

TEST(OnvifDeviceTest, WrongPasswordIsForbiddenAndUnknownProfileNotFound) {
  for (const char* how : {"digest", "wsse"}) {
    const HttpCamera http = camera({"--onvif-auth", how});
    const auto wrong = device(http.port(), "wrong-secret").stream_uri("ch1_main");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Code::forbidden) << wrong.error().message;
    EXPECT_THAT(wrong.error().message, testing::Not(HasSubstr("secret")));
    EXPECT_EQ(device(http.port()).stream_uri("ch9_main").error().code, Code::not_found);
  }
}

TEST(OnvifDeviceTest, NobodyThereAndNoAnswerAreErrorsInTime) {
  EXPECT_EQ(device(test::free_port()).stream_uri("").error().code, Code::camera_unavailable);
  const test::SilentServer silent;
  const MonoTime begin = Clock::system().mono();
  EXPECT_EQ(device(silent.port(), kPassword, 500ms).stream_uri("").error().code, Code::timed_out);
  EXPECT_LT(Clock::system().mono() - begin, 2s);
}

TEST(OnvifSourceTest, StopEndsAskingACameraThatIsSilent) {
  const test::SilentServer silent;
  SourceConfig config;
  config.url = "onvif://127.0.0.1:" + std::to_string(silent.port()) + "/main";
  test::SourceRun run(config);
  EXPECT_FALSE(run.wait_for_end(100ms));
  EXPECT_LT(run.stop().took, 500ms);
}

}  // namespace
}  // namespace vedette::onvif
