// The worker's disk: every report and result that the coordinator has not acknowledged.
//
// One append-only file, FOLDER/reports.spool; each record carries its length and a checksum, so a
// tail that was torn by a crash is noticed and cut. It is rewritten when most of it is old.
//
// One thread. Blocks for the disk. The caller holds a lock on the folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"
#include "worker/agent/agent_state.h"
#include "worker/runner/process.h"

namespace plateau::agent {

// What an earlier process left that is worth going on with: results that the coordinator may still
// be waiting for.
struct SpoolContents {
  SessionId session;
  Restored restored;
};

class Spool {
 public:
  // Reads what is there, a torn tail left out. kIo: the folder cannot be read or written.
  static Result<Spool> open(const std::filesystem::path& folder);

  // The session to go on with, if there is a result in it; else there is nothing worth keeping.
  std::optional<SpoolContents> contents() const;
  // Bytes at the end of the file that were no whole record.
  std::uint64_t torn_bytes() const { return torn_bytes_; }

  // Throws away what was kept and begins a session. After open() unless its session goes on.
  Status begin(SessionId session);

  // kIo: the disk is full, ...; what was kept before is safe, and the record is kept in memory. The
  // next call that finds room writes it, with all that came after.
  Status keep(const Report& report);
  Status keep(const KeepResult& result);
  Status forget(std::uint64_t through_sequence);
  Status release(const AttemptRef& attempt);
  // A record that ends an attempt is in the file, where a killed process's successor finds it, but
  // a power cut may still take it, and the coordinator has not acknowledged it yet.
  bool must_sync() const { return must_sync_; }
  Status sync();

 private:
  explicit Spool(std::filesystem::path path) : path_(std::move(path)) {}
  void read(std::string_view bytes);
  bool take(char kind, std::string_view payload);
  Status append(char kind, const std::string& payload);
  Status rewrite_if_worth_it();
  void forget_sync_if_empty();
  Status rewrite();

  std::filesystem::path path_;
  runner::Fd file_;
  SessionId session_;
  std::uint64_t acked_ = 0;
  std::map<std::uint64_t, std::string> reports_;  // by sequence, as payloads
  std::map<AttemptRef, std::string> results_;     // as payloads
  std::uint64_t file_bytes_ = 0;
  std::uint64_t torn_bytes_ = 0;
  bool must_sync_ = false;
  bool is_behind_ = false;  // a record is in memory only
};

}  // namespace plateau::agent
