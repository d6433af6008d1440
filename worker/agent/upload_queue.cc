#include "worker/agent/upload_queue.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "worker/agent/agent_state.h"

namespace plateau::agent {

void UploadQueue::add(const AttemptRef& attempt, Artifact artifact) {
  Upload upload;
  upload.attempt = attempt;
  upload.artifact = std::move(artifact);
  upload.credit = kChunkBytes;
  uploads_.push_back(std::move(upload));
}

void UploadQueue::add_checkpoint(const AttemptRef& attempt, Artifact artifact) {
  std::erase_if(uploads_, [&](const Upload& upload) {
    return upload.attempt == attempt && upload.is_checkpoint && !upload.sent_any;
  });
  add(attempt, std::move(artifact));
  uploads_.back().is_checkpoint = true;
}

void UploadQueue::drop(const AttemptRef& attempt) {
  std::erase_if(uploads_, [&](const Upload& upload) { return upload.attempt == attempt; });
}

void UploadQueue::drop(const AttemptRef& attempt, const std::string& name) {
  std::erase_if(uploads_, [&](const Upload& upload) {
    return upload.attempt == attempt && upload.artifact.name == name;
  });
}

UploadQueue::Outcome UploadQueue::on_ack(const ChunkAck& ack, TimeMs now) {
  const auto found = std::find_if(uploads_.begin(), uploads_.end(), [&](const Upload& upload) {
    return upload.attempt == ack.attempt && upload.artifact.name == ack.name;
  });
  if (found == uploads_.end()) return Outcome::kNone;
  Upload& upload = *found;
  if (ack.complete) {
    uploads_.erase(found);
    return Outcome::kComplete;
  }
  // The coordinator has nothing although bytes had arrived: their hash was wrong. With an artifact
  // of several chunks the first of them may just be missing still, so that does not count.
  const bool whole_in_one = upload.artifact.size_bytes <= kChunkBytes;
  const bool waits_for_credit = ack.credit_bytes == 0;
  if (ack.offset == 0 && upload.sent_any && !waits_for_credit &&
      (upload.acked > 0 || whole_in_one)) {
    if (++upload.thrown_away >= kUploadTrials) {
      uploads_.erase(found);
      return Outcome::kHopeless;
    }
  }
  // Its word counts, also when it goes back: a restarted coordinator may have lost a partial file.
  if (ack.offset < upload.acked || (ack.offset == 0 && whole_in_one)) upload.sent = ack.offset;
  upload.acked = std::min(ack.offset, upload.artifact.size_bytes);
  upload.sent = std::max(upload.sent, upload.acked);
  upload.credit = ack.credit_bytes;
  upload.last_activity = now;
  return Outcome::kNone;
}

void UploadQueue::take_chunks_of(Upload& upload, TimeMs now, std::vector<SendChunk>& chunks) const {
  const std::uint64_t size = upload.artifact.size_bytes;
  if (upload.sent_any && now - upload.last_activity >= resend_after_ms_) {
    // Nothing came back: bytes or their acknowledgement were lost, or the credit's renewal was.
    upload.sent = upload.acked;
    upload.credit = std::max(upload.credit, kChunkBytes);
    upload.last_activity = now;
    if (size == 0 || upload.acked == size) upload.sent_any = false;
  }
  const auto send = [&](std::uint64_t offset, std::uint64_t length) {
    chunks.push_back({upload.attempt, upload.artifact, offset, length});
    if (!upload.sent_any) upload.last_activity = now;
    upload.sent_any = true;
  };
  // An empty file is one chunk of no bytes; so is the question whether all has arrived.
  if (upload.sent == size && !upload.sent_any) send(size, 0);
  const std::uint64_t limit = std::min(size, upload.acked + upload.credit);
  while (upload.sent < limit) {
    const std::uint64_t length = std::min(kChunkBytes, limit - upload.sent);
    send(upload.sent, length);
    upload.sent += length;
  }
}

std::vector<SendChunk> UploadQueue::take_chunks(TimeMs now) {
  std::vector<SendChunk> chunks;
  const std::size_t active = std::min(uploads_.size(), kUploadsAtOnce);
  for (std::size_t i = 0; i < active; ++i)
    take_chunks_of(uploads_[i], now, chunks);
  return chunks;
}

void UploadQueue::restart() {
  for (Upload& upload : uploads_) {
    upload.sent = upload.acked;
    upload.credit = kChunkBytes;
    upload.sent_any = false;
  }
}

bool UploadQueue::has(const AttemptRef& attempt) const {
  return std::any_of(uploads_.begin(), uploads_.end(),
                     [&](const Upload& upload) { return upload.attempt == attempt; });
}

TimeMs UploadQueue::next_wakeup() const {
  TimeMs next = std::numeric_limits<TimeMs>::max();
  for (std::size_t i = 0; i < std::min(uploads_.size(), kUploadsAtOnce); ++i) {
    if (uploads_[i].sent_any) next = std::min(next, uploads_[i].last_activity + resend_after_ms_);
  }
  return next;
}

}  // namespace plateau::agent
