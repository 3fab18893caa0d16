// How text becomes JSON: comments allowed, duplicate keys refused, depth and
// size bounded. Keys keep the order of the document, so that errors can.
#ifndef LRUTORTURE_HARNESS_JSON_INPUT_H_
#define LRUTORTURE_HARNESS_JSON_INPUT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace harness {

using Json = nlohmann::ordered_json;

inline constexpr size_t kInputBytesMax = size_t{4} << 20;
inline constexpr int kJsonDepthMax = 32;

// An error and where it is. `pointer` is a JSON pointer; "LINE:COLUMN" when
// the text is no JSON; "(root)" for the document itself.
struct InputError {
  std::string pointer;
  std::string what;
};

struct JsonInput {
  Json value;
  std::vector<InputError> errors;
  bool parsed = false;  // `value` is the whole document; duplicates: the first
};
JsonInput ParseJson(std::string_view text);

// The whole file. The message is one line and names the path.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

// POINTER/KEY, with `~` and `/` of the key escaped.
std::string ChildPointer(std::string_view pointer, std::string_view key);
std::string ChildPointer(std::string_view pointer, size_t index);

// For messages: at most 60 bytes, unprintable ones as '?'.
std::string Printable(std::string_view text, size_t max = 60);

// "a string", "an object", ...
std::string TypeWithArticle(const Json& value);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_JSON_INPUT_H_
