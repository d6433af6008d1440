#include "coordinator/gateway/resume_outbox.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "coordinator/gateway/translate.h"

namespace plateau {

void ResumeOutbox::begin(SessionId session, const AttemptRef& attempt, std::filesystem::path path,
                         std::uint64_t size_bytes) {
  std::erase_if(transfers_, [&](const Transfer& old) { return old.attempt == attempt; });
  transfers_.push_back({session, attempt, std::move(path), size_bytes, 0});
}

void ResumeOutbox::pump(const Send& send, int pieces_max) {
  std::erase_if(transfers_,
                [&](Transfer& transfer) { return !pump_one(transfer, send, pieces_max); });
}

// False: nothing more is to be sent.
bool ResumeOutbox::pump_one(Transfer& transfer, const Send& send, int pieces_max) {
  std::ifstream in(transfer.path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(transfer.sent_bytes));
  for (int i = 0; i < pieces_max; ++i) {
    const std::uint64_t left = transfer.size_bytes - transfer.sent_bytes;
    std::string piece(std::min<std::uint64_t>(left, wire::kMaxChunkBytes), '\0');
    if (!in.read(piece.data(), static_cast<std::streamsize>(piece.size()))) return false;
    wire::FromCoordinator message;
    message.set_session(static_cast<std::uint64_t>(transfer.session.value));
    set_attempt(transfer.attempt, message.mutable_resume_data()->mutable_attempt());
    message.mutable_resume_data()->set_offset(transfer.sent_bytes);
    const std::size_t size = piece.size();
    message.mutable_resume_data()->set_data(std::move(piece));
    switch (send(transfer.session, message)) {
      case SendResult::kSent:
        transfer.sent_bytes += size;
        break;
      case SendResult::kFull:
        return true;
      case SendResult::kNoPeer:
        return false;
    }
    if (transfer.sent_bytes == transfer.size_bytes) return false;
  }
  return true;
}

}  // namespace plateau
