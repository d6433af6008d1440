#include "worker/trainer/failure.h"

#include <new>

#include <ATen/ATen.h>

namespace plateau::trainer {
namespace {

// LibTorch's CPU allocator has no exception type of its own.
bool is_out_of_memory(const std::string& message) {
  return message.find("can't allocate memory") != std::string::npos ||
         message.find("out of memory") != std::string::npos;
}

}  // namespace

Failure failure_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kNotFound:
    case ErrorKind::kCorrupt:
    case ErrorKind::kVersion:
      return {"bad_configuration", error.message};
    case ErrorKind::kIo:
    case ErrorKind::kBusy:
      return {"node_fault", error.message};
    case ErrorKind::kInternal:
      return {"crashed", error.message};
  }
  return {"crashed", error.message};
}

std::optional<Failure> guarded(const std::function<Status()>& work) {
  try {
    const Status status = work();
    if (status) return std::nullopt;
    return failure_of(status.error());
  } catch (const std::bad_alloc&) {
    return Failure{"out_of_memory", "this machine has no memory left for the trial"};
  } catch (const c10::OutOfMemoryError& error) {
    return Failure{"out_of_memory", error.what_without_backtrace()};
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    return Failure{is_out_of_memory(message) ? "out_of_memory" : "crashed", message};
  } catch (const std::exception& error) {
    return Failure{is_out_of_memory(error.what()) ? "out_of_memory" : "crashed", error.what()};
  }
}

}  // namespace plateau::trainer
