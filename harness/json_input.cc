#include "harness/json_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace harness {
namespace {

// Builds the document and remembers the keys of every open object. The
// library's own builder silently lets the last duplicate win.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, JsonInput& out) : text_(text), out_(out) {}

  bool null() override { return Scalar(nullptr); }
  bool boolean(bool value) override { return Scalar(value); }
  bool number_integer(number_integer_t value) override { return Scalar(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return Scalar(value);
  }
  bool number_float(number_float_t value, const string_t&) override {
    return Scalar(value);
  }
  bool string(string_t& value) override { return Scalar(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // never in text

  bool start_object(size_t) override { return Open(Json::object()); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& key) override {
    Level& level = open_.back();
    level.pointer_key = key;
    level.duplicate = !level.keys.insert(key).second;
    if (level.duplicate) {
      out_.errors.push_back({Pointer(), "duplicate key"});
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const Json::exception& error) override {
    std::string_view what = error.what();
    // Only the tail is for people: "[json.exception.parse_error.101] parse
    // error at line 1, column 2: syntax error while ..."
    if (size_t at = what.find("column "); at != what.npos) {
      at = what.find(": ", at);
      if (at != what.npos) what.remove_prefix(at + 2);
    } else if (size_t end = what.find("] "); end != what.npos) {
      what.remove_prefix(end + 2);
    }
    out_.errors.push_back({LineColumn(position), Printable(what, 160)});
    return false;
  }

 private:
  struct Level {
    Json value;
    absl::flat_hash_set<std::string> keys;
    std::string pointer_key;  // of the member being read
    bool duplicate = false;   // that member is one, and dropped
  };

  std::string Pointer() const {
    std::string pointer;
    for (const Level& level : open_) {
      pointer = level.value.is_array()
                    ? ChildPointer(pointer, level.value.size())
                    : ChildPointer(pointer, level.pointer_key);
    }
    return pointer;
  }

  std::string LineColumn(size_t position) const {
    std::string_view before = text_.substr(0, position);
    size_t newline = before.rfind('\n');
    size_t line = 1 + std::count(before.begin(), before.end(), '\n');
    size_t column =
        newline == before.npos ? before.size() : before.size() - newline - 1;
    return absl::StrCat(line, ":", std::max<size_t>(column, 1));
  }

  bool Open(Json container) {
    if (open_.size() == kJsonDepthMax) {
      out_.errors.push_back(
          {Pointer(), absl::StrCat("nested deeper than ", kJsonDepthMax)});
      return false;
    }
    open_.push_back({std::move(container), {}, {}, false});
    return true;
  }

  bool Close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return Scalar(std::move(value));
  }

  bool Scalar(Json value) {
    if (open_.empty()) {
      out_.value = std::move(value);
      return true;
    }
    Level& level = open_.back();
    if (level.value.is_array()) {
      level.value.push_back(std::move(value));
    } else if (!level.duplicate) {
      // Not operator[]: that searches the object again, key by key.
      level.value.get_ref<Json::object_t&>().emplace_back(level.pointer_key,
                                                          std::move(value));
    }
    return true;
  }

  std::string_view text_;
  JsonInput& out_;
  std::vector<Level> open_;
};

absl::Status FileError(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path, 200), ": ", what));
}

absl::StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(path, std::strerror(errno));
  if (S_ISDIR(info.st_mode)) {
    return FileError(path, "is a directory, not a file");
  }
  std::string text;
  char buffer[16384];
  for (;;) {
    ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(path, std::strerror(errno));
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
    // Read on, not stat: a pipe or /dev/zero has no size.
    if (text.size() > kInputBytesMax) {
      return FileError(
          path, absl::StrCat("is larger than ", kInputBytesMax >> 20, " MiB"));
    }
  }
}

}  // namespace

JsonInput ParseJson(std::string_view text) {
  JsonInput out;
  Builder builder(text, out);
  out.parsed = Json::sax_parse(text, &builder, Json::input_format_t::json,
                               /*strict=*/true, /*ignore_comments=*/true);
  if (!out.parsed) out.value = nullptr;
  return out;
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(path, std::strerror(errno));
  absl::StatusOr<std::string> text = ReadAll(fd, path);
  close(fd);
  return text;
}

std::string ChildPointer(std::string_view pointer, std::string_view key) {
  std::string child(pointer);
  child += '/';
  for (char c : key) {
    if (c == '~') {
      child += "~0";
    } else if (c == '/') {
      child += "~1";
    } else {
      child += c;
    }
  }
  return child;
}

std::string ChildPointer(std::string_view pointer, size_t index) {
  return ChildPointer(pointer, std::to_string(index));
}

std::string Printable(std::string_view text, size_t max) {
  bool cut = text.size() > max;
  std::string out(text.substr(0, max));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return cut ? out + "..." : out;
}

std::string TypeWithArticle(const Json& value) {
  if (value.is_null()) return "null";
  std::string type = value.type_name();
  bool vowel = type == "object" || type == "array";
  return (vowel ? "an " : "a ") + type;
}

}  // namespace harness
