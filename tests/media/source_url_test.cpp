#include "media/source_url.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

TEST(SourceUrlTest, CredentialsAreEncodedIntoTheUrl) {
  EXPECT_EQ(with_credentials("rtsp://host:554/a?b=1", "admin", "p@s:s/w#d%"),
            "rtsp://admin:p%40s%3As%2Fw%23d%25@host:554/a?b=1");
  EXPECT_EQ(with_credentials("rtsp://host", "admin", ""), "rtsp://admin:@host");
}

TEST(SourceUrlTest, CredentialsInTheUrlAreReplaced) {
  EXPECT_EQ(with_credentials("rtsp://x:y@host/a@b", "u", "p"), "rtsp://u:p@host/a@b");
}

TEST(SourceUrlTest, WithoutUserTheUrlStaysAsItIs) {
  EXPECT_EQ(with_credentials("rtsp://x:y@host/a", "", "p"), "rtsp://x:y@host/a");
  EXPECT_EQ(with_credentials("no url", "u", "p"), "no url");
}

TEST(SourceUrlTest, HostIsFoundInEveryForm) {
  EXPECT_EQ(host_of("rtsp://host:554/a"), "host");
  EXPECT_EQ(host_of("rtsp://u:p@host"), "host");
  EXPECT_EQ(host_of("http://[::1]:80/a"), "::1");
  EXPECT_EQ(host_of("rtsp://[::1"), "::1");
  EXPECT_EQ(host_of("rtsp://"), "");
  EXPECT_EQ(host_of("/a/file"), "");
}

TEST(SourceUrlTest, FileUrlsBecomePaths) {
  EXPECT_EQ(file_url("/a/b:c.mp4"), "file:/a/b:c.mp4");
  EXPECT_EQ(file_url("file:///a/b%20c.mp4"), "file:/a/b c.mp4");
}

}  // namespace
}  // namespace vedette
