#include "uploader/endpoints.h"

#include "core/log.h"
#include "core/redact.h"

namespace vedette {

namespace {

constexpr int kFailures = 2;

}  // namespace

Endpoints::Endpoints(std::vector<std::string> urls) : urls_(std::move(urls)), failures_(urls_.size(), 0) {}

void Endpoints::succeeded(size_t which) {
  failures_[which] = 0;
  left_ = 0;
  if (which != 0) return;
  has_returned_ = false;
  returns_in_vain_ = 0;
}

bool Endpoints::failed(size_t which, const Error& error) {
  if (which != current_) return true;  // the others have left it meanwhile
  if (++failures_[which] < kFailures) return false;
  if (which == 0 && has_returned_) {
    has_returned_ = false;
    ++returns_in_vain_;
  }
  ++left_;
  const bool is_the_last = left_ == urls_.size();
  const bool is_news = failures_[which] == kFailures && urls_.size() > 1;
  if (is_the_last) left_ = 0;
  current_ = is_the_last ? 0 : (which + 1) % urls_.size();
  if (is_news)
    log::warn("uploads leave an endpoint",
              {{"endpoint", urls_[which]}, {"error", redact(error.message)}, {"next", urls_[current_]}});
  return !is_the_last;
}

void Endpoints::go_back() {
  if (current_ == 0) return;
  log::info("uploads go to the first endpoint again", {{"endpoint", urls_[0]}, {"from", urls_[current_]}});
  has_returned_ = true;
  left_ = 0;
  current_ = 0;
}

}  // namespace vedette
