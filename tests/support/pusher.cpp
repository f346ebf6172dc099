#include "tests/support/pusher.h"

namespace vedette::test {

std::vector<std::string> push_command(const std::filesystem::path& media, const std::string& format,
                                      const std::string& url) {
  return {"ffmpeg", "-nostdin",     "-v", "error", "-re", "-stream_loop", "-1",
          "-i",     media.string(), "-c", "copy",  "-f",  format,         url};
}

Process pusher(const std::filesystem::path& media, const std::string& format, const std::string& url) {
  std::vector<std::string> argv = {"sh", "-c", R"(while :; do "$@"; sleep 0.1; done)", "pusher"};
  for (std::string& word : push_command(media, format, url)) argv.push_back(std::move(word));
  return Process(std::move(argv));
}

}  // namespace vedette::test
