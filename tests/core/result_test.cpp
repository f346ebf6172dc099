#include "core/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace vedette {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Code::invalid_argument, "odd");
  return number / 2;
}

Result<std::string> half_as_text(int number) {
  const auto result = half(number);
  if (!result) return result.error_with("halving");
  return std::to_string(*result);
}

TEST(ResultTest, HoldsAValueOrAnError) {
  EXPECT_EQ(half(8).value(), 4);
  ASSERT_FALSE(half(7));
  EXPECT_EQ(half(7).error().code, Code::invalid_argument);
}

TEST(ResultTest, KeepsTheCodeWhenContextIsPutInFront) {
  const auto result = half_as_text(7);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid_argument);
  EXPECT_EQ(result.error().message, "halving: odd");
  EXPECT_EQ(half(7).with("a").with("b").error().message, "b: a: odd");
}

TEST(ResultTest, LeavesASuccessAloneWhenContextIsPutInFront) {
  EXPECT_EQ(half(8).with("context").value(), 4);
  EXPECT_TRUE(Status().with("context"));
}

TEST(CodeTest, HasANameOfItsOwnForEachCode) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) names.insert(code_name(static_cast<Code>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(Code::internal) + 1);
  EXPECT_EQ(code_name(Code::out_of_buffer), "out_of_buffer");
}

TEST(FailErrnoTest, MapsWhatTheKernelSays) {
  const auto code_of = [](int number) { return fail_errno("x", number).value().code; };
  EXPECT_EQ(code_of(ENOSPC), Code::no_space);
  EXPECT_EQ(code_of(EDQUOT), Code::no_space);
  EXPECT_EQ(code_of(EROFS), Code::forbidden);
  EXPECT_EQ(code_of(EACCES), Code::forbidden);
  EXPECT_EQ(code_of(ENOENT), Code::not_found);
  EXPECT_EQ(code_of(EEXIST), Code::already_exists);
  EXPECT_EQ(code_of(EIO), Code::internal);
  EXPECT_EQ(fail_errno("open /x", ENOENT).value().message, "open /x: No such file or directory");
}

}  // namespace
}  // namespace vedette
