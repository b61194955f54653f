#pragma once
/// What the tests of the data layer share: files, and what is in tensors.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hone/error.h>
#include <hone/tensor.h>

namespace hone::testing_data {

/// A committed file of tests/data/fixtures.
inline std::filesystem::path fixture(std::string_view name) {
  return std::filesystem::path(HONE_SOURCE_ROOT) / "tests/data/fixtures" / name;
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A folder that goes with everything in it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "hone_data_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What the Error says; "no error" where there is none.
template <class F>
std::string message_of(F&& call) {
  try {
    std::forward<F>(call)();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

inline std::vector<float> values(const Tensor& t) {
  return {t.data<float>().begin(), t.data<float>().end()};
}

/// The folder of shared models and data: HONE_SHARED, else beside the repository.
inline std::filesystem::path shared() {
  const char* folder = std::getenv("HONE_SHARED");
  if (folder != nullptr) return folder;
  return std::filesystem::path(HONE_SOURCE_ROOT).parent_path() / "shared";
}

}  // namespace hone::testing_data
