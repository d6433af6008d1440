#include "common/transport/keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/base/file.h"

namespace plateau {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr std::size_t kMaxWorkerName = 64;
constexpr std::uintmax_t kMaxKeyFileBytes = 1 << 20;  // ten thousand workers

using Lines = std::map<std::string, std::string>;  // word -> the word after it

bool is_key(const std::string& text) {
  if (text.size() != kKeyCharacters || text.find_first_not_of(kZ85) != std::string::npos) {
    return false;
  }
  // Not every text of these characters is one: five of them must fit 32 bits.
  std::array<std::uint8_t, 32> bytes{};
  return zmq_z85_decode(bytes.data(), text.c_str()) != nullptr;
}

// `forbidden`: permission bits that must not be set.
Status guard_file(const fs::path& file, mode_t forbidden, const std::string& mend) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) {
    const std::string what = "The key file " + file.string() + " cannot be read: ";
    if (errno != ENOENT) return io_error(what + std::strerror(errno) + ".");
    return not_found(what +
                     "it is not there. `plateau keys new` makes a sweep's keys on the "
                     "coordinator's machine; copy worker.key from there to the workers.");
  }
  if (!S_ISREG(info.st_mode)) {
    return invalid_argument("The key file " + file.string() + " is not a regular file.");
  }
  if ((info.st_mode & forbidden) != 0) {
    return invalid_argument("The key file " + file.string() +
                            " could be used by others on this machine. Run: chmod " + mend + " " +
                            file.string() + "  — and if others may have read it, make new keys.");
  }
  if (static_cast<std::uintmax_t>(info.st_size) > kMaxKeyFileBytes) {
    return corrupt("The key file " + file.string() + " is longer than any key file is.");
  }
  return {};
}

Result<Lines> read_lines(const fs::path& file) {
  const Result<std::string> text = read_file(file);
  if (!text) return text.error();
  Lines lines;
  std::istringstream in(*text);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::istringstream words(line);
    std::string word;
    std::string key;
    std::string rest;
    if (!(words >> word) || word == "#") continue;
    if (!(words >> key) || (words >> rest) || !is_key(key) || !lines.emplace(word, key).second) {
      return corrupt(file.string() + ":" + std::to_string(number) +
                     ": expected a word that is not above yet, a space and a key of 40 "
                     "characters. Make the keys anew with `plateau keys`, or copy the file again.");
    }
  }
  return lines;
}

Result<Lines> read_secret(const fs::path& file, const std::vector<std::string>& words) {
  if (Status good = guard_file(file, 0077, "600"); !good) return good.error();
  Result<Lines> lines = read_lines(file);
  if (!lines) return lines;
  for (const std::string& word : words) {
    if (lines->count(word) == 0) {
      return corrupt("The key file " + file.string() + " has no line '" + word +
                     " KEY'. A worker needs a worker's file, the coordinator its own; `plateau "
                     "keys new` makes both.");
    }
  }
  std::array<char, kKeyCharacters + 1> derived{};
  if (zmq_curve_public(derived.data(), lines->at("secret").c_str()) != 0) {
    if (Status there = curve_is_there(); !there) return there.error();
  }
  if (lines->at("public") != derived.data()) {
    return corrupt("In the key file " + file.string() +
                   " the public and the secret key do not belong together; copy it again.");
  }
  return lines;
}

Status write_secret(const fs::path& file, const std::string& text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && errno == EEXIST) {
    return busy("The key file " + file.string() +
                " is there already and was left as it is. Remove it first if it is not needed any "
                "more.");
  }
  if (fd < 0) return io_error("Writing " + file.string() + " failed: " + std::strerror(errno));
  const ssize_t written = ::write(fd, text.data(), text.size());
  const bool whole = written == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int error = whole ? 0 : errno;
  ::close(fd);
  if (whole) return {};
  ::unlink(file.c_str());
  return io_error("Writing " + file.string() + " failed: " + std::strerror(error));
}

}  // namespace

Status curve_is_there() {
  if (zmq_has("curve") != 0) return {};
  return internal_error(
      "The ZeroMQ library of this machine was built without CURVE, so nothing could be encrypted. "
      "Install the distribution's libzmq (Debian and Ubuntu build it with CURVE).");
}

Result<KeyPair> draw_key_pair() {
  if (Status there = curve_is_there(); !there) return there.error();
  std::array<char, kKeyCharacters + 1> public_key{};
  std::array<char, kKeyCharacters + 1> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return internal_error("ZeroMQ could not make a key pair: " +
                          std::string(zmq_strerror(zmq_errno())));
  }
  return KeyPair{public_key.data(), secret_key.data()};
}

Result<KeyPair> read_coordinator_keys(const fs::path& file) {
  Result<Lines> lines = read_secret(file, {"public", "secret"});
  if (!lines) return lines.error();
  return KeyPair{lines->at("public"), lines->at("secret")};
}

Result<WorkerKeys> read_worker_keys(const fs::path& file) {
  Result<Lines> lines = read_secret(file, {"public", "secret", "coordinator"});
  if (!lines) return lines.error();
  return WorkerKeys{{lines->at("public"), lines->at("secret")}, lines->at("coordinator")};
}

Result<WorkerList> read_worker_list(const fs::path& file) {
  if (Status good = guard_file(file, 0022, "go-w"); !good) return good.error();
  const Result<Lines> lines = read_lines(file);
  if (!lines) return lines.error();
  WorkerList workers;
  for (const auto& [name, key] : *lines) {
    if (Status good = check_worker_name(name); !good) {
      return corrupt(file.string() + ": " + good.error().message);
    }
    workers[key] = name;
  }
  return workers;
}

Status write_coordinator_keys(const fs::path& file, const KeyPair& keys) {
  return write_secret(file, "# Of a Plateau coordinator. Never leaves its machine.\npublic " +
                                keys.public_key + "\nsecret " + keys.secret_key + "\n");
}

Status write_worker_keys(const fs::path& file, const WorkerKeys& keys) {
  return write_secret(file,
                      "# Of a Plateau worker. Whoever has this file can take part in the sweep.\n"
                      "public " +
                          keys.own.public_key + "\nsecret " + keys.own.secret_key +
                          "\ncoordinator " + keys.coordinator + "\n");
}

Status write_worker_list(const fs::path& file, const WorkerList& workers) {
  std::string text = "# Workers that may take part: name and public key, a line each.\n";
  for (const auto& [key, name] : workers)
    text += name + " " + key + "\n";
  return write_file_atomically(file, text);
}

Status check_worker_name(std::string_view name) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= kMaxWorkerName &&
      std::all_of(name.begin(), name.end(), good) &&
      std::isalnum(static_cast<unsigned char>(name.front())) != 0) {
    return {};
  }
  return invalid_argument("'" + std::string(name) +
                          "' cannot be a worker's name: use 1 to 64 letters, digits, '.', '_' and "
                          "'-', and begin with a letter or digit.");
}

}  // namespace plateau
