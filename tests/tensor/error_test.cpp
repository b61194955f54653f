#include <string>

#include <gtest/gtest.h>
#include <hone/error.h>

namespace hone {
namespace {

TEST(Escaped, LeavesTextAsItIs) {
  EXPECT_EQ(escaped("conv/Relu;1"), "conv/Relu;1");
  EXPECT_EQ(escaped("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"),
            "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80");
}

TEST(Escaped, EscapesQuotesAndControlCharacters) {
  EXPECT_EQ(escaped("a\"b\\c\n\x1b[31m\x7f"), R"(a\"b\\c\x0a\x1b[31m\x7f)");
  EXPECT_EQ(escaped("\xc2\x9b"), R"(\xc2\x9b)");  // the other way to begin a terminal's command
}

TEST(Escaped, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(escaped("\xff"), R"(\xff)");
  EXPECT_EQ(escaped("\xc3"), R"(\xc3)");                  // cut off
  EXPECT_EQ(escaped("\xc0\xaf"), R"(\xc0\xaf)");          // too long
  EXPECT_EQ(escaped("\xed\xa0\x80"), R"(\xed\xa0\x80)");  // a surrogate
  EXPECT_EQ(escaped("\xef\xbf\xbf"), R"(\xef\xbf\xbf)");  // no character
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), R"(\xf4\x90\x80\x80)");
}

TEST(Error, ReadsAsPlaceAndMessage) {
  const Error error(ErrorKind::data, "a.csv:3", "expected 4, got 5");
  EXPECT_STREQ(error.what(), "[a.csv:3] expected 4, got 5");
  EXPECT_EQ(error.message(), "expected 4, got 5");
}

}  // namespace
}  // namespace hone
