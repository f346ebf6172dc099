#include "agent/upload_grants.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

class UploadGrantsTest : public testing::Test {
 protected:
  UploadGrantsTest() { requests_.on_connected(); }

  void ask() {
    grants_.ask({}, [this](const Result<GrantAnswer>& answer) { answers_.push_back(answer); });
  }
  // What the main loop does with what is in its inbox.
  void handle() {
    while (auto event = inbox_.pop(MonoTime{}, {})) grants_.on_asked(std::get<GrantAsked>(std::move(*event)));
  }

  test::FakeClock clock_;
  std::vector<CloudRequest> sent_;
  std::vector<Result<GrantAnswer>> answers_;
  CloudRequests requests_{[this](const CloudRequest& request) {
                            sent_.push_back(request);
                            return true;
                          },
                          clock_};
  Inbox<Event> inbox_{16};
  UploadGrants grants_{inbox_, requests_};
};

TEST_F(UploadGrantsTest, AQuestionThatNobodyAnswersEndsAfterAWhile) {
  ask();
  handle();
  ASSERT_EQ(sent_.size(), 1u);
  clock_.advance(CloudRequests::kPatience);
  requests_.tick();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].error().code, Code::timed_out);
}

// The uploads begin anew with each change of their configuration, and what they asked points to what is gone.
TEST_F(UploadGrantsTest, WhoeverIsGoneIsToldNothing) {
  ask();
  handle();
  ask();
  grants_.forget();
  handle();
  EXPECT_EQ(sent_.size(), 1u) << "what was still in the inbox is not asked";
  EXPECT_EQ(requests_.waiting(), 0u);
  clock_.advance(CloudRequests::kPatience);
  requests_.tick();
  EXPECT_TRUE(answers_.empty());
  ask();
  handle();
  EXPECT_EQ(sent_.size(), 2u);
  clock_.advance(CloudRequests::kPatience);
  requests_.tick();
  EXPECT_EQ(answers_.size(), 1u);
}

}  // namespace
}  // namespace vedette
