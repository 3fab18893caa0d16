#include "harness/json_input.h"

#include <cstdio>
#include <fstream>

#include "gtest/gtest.h"

namespace harness {
namespace {

std::string FirstError(const std::string& text) {
  JsonInput input = ParseJson(text);
  if (input.errors.empty()) return "";
  return input.errors[0].pointer + ": " + input.errors[0].what;
}

TEST(JsonInputTest, CommentsAreAccepted) {
  JsonInput input = ParseJson("// one\n{/* two */ \"a\": 1}");
  EXPECT_TRUE(input.parsed);
  EXPECT_TRUE(input.errors.empty());
  EXPECT_EQ(input.value["a"], 1);
}

TEST(JsonInputTest, EveryDuplicateKeyIsReportedWithItsPointer) {
  JsonInput input =
      ParseJson(R"({"a": [{"b": 1, "b": 2}], "c~/": 1, "c~/": {"x": 1}})");
  ASSERT_TRUE(input.parsed);
  ASSERT_EQ(input.errors.size(), 2u);
  EXPECT_EQ(input.errors[0].pointer, "/a/0/b");
  EXPECT_EQ(input.errors[1].pointer, "/c~0~1");
  EXPECT_EQ(input.value["a"][0]["b"], 1) << "the first one stays";
}

TEST(JsonInputTest, TheSameKeyInTwoObjectsIsNoDuplicate) {
  EXPECT_EQ(FirstError(R"({"a": {"b": 1}, "c": {"b": 2, "a": 3}})"), "");
}

TEST(JsonInputTest, SyntaxErrorsSayLineAndColumn) {
  EXPECT_EQ(FirstError("{\n  \"a\": 1,\n}").substr(0, 5), "3:1: ");
  EXPECT_EQ(FirstError("").substr(0, 5), "1:1: ");
  EXPECT_NE(FirstError("{\"a\": 1e999}").find("number overflow"),
            std::string::npos);
  EXPECT_NE(FirstError("[1] 2"), "");
  EXPECT_NE(FirstError("\"\xff\""), "") << "not UTF-8";
}

TEST(JsonInputTest, DepthIsBounded) {
  std::string deep(kJsonDepthMax, '[');
  std::string end(kJsonDepthMax, ']');
  EXPECT_EQ(FirstError(deep + end), "");
  EXPECT_NE(FirstError("[" + deep + end + "]").find("nested deeper than 32"),
            std::string::npos);
  EXPECT_NE(FirstError(std::string(1'000'000, '[')), "");
}

TEST(JsonInputTest, MessagesAreOnePrintableLine) {
  std::string error = FirstError("{\"a\": nul\n\x01\xc3\xa9}");
  EXPECT_EQ(error.find_first_of("\n\x01\xc3"), std::string::npos) << error;
}

class ReadTextFileTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::string path = testing::TempDir() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
};

TEST_F(ReadTextFileTest, ReadsAll) {
  std::string text(100'000, 'x');
  EXPECT_EQ(*ReadTextFile(Write("all", text)), text);
}

TEST_F(ReadTextFileTest, OneLineForWhatCannotBeRead) {
  EXPECT_EQ(ReadTextFile("no/such/file").status().message(),
            "no/such/file: No such file or directory");
  EXPECT_EQ(ReadTextFile("/").status().message(),
            "/: is a directory, not a file");
  EXPECT_EQ(ReadTextFile("/dev/zero").status().message(),
            "/dev/zero: is larger than 4 MiB");
}

TEST_F(ReadTextFileTest, TheLimitItselfIsAllowed) {
  std::string text(kInputBytesMax, ' ');
  EXPECT_TRUE(ReadTextFile(Write("limit", text)).ok());
  EXPECT_FALSE(ReadTextFile(Write("above", text + " ")).ok());
}

}  // namespace
}  // namespace harness
