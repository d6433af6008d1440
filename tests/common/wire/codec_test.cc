#include "common/wire/codec.h"

#include <functional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"

namespace plateau::wire {
namespace {

using ::testing::HasSubstr;

std::string some_sha256() {
  return std::string(64, 'a');
}

void set_attempt(AttemptRef* attempt) {
  attempt->set_trial(7);
  attempt->set_attempt(2);
}

FromWorker from_worker() {
  FromWorker message;
  message.set_session(42);
  return message;
}

FromCoordinator from_coordinator() {
  FromCoordinator message;
  message.set_session(42);
  return message;
}

FromWorker hello() {
  FromWorker message = from_worker();
  Hello* body = message.mutable_hello();
  body->set_protocol_version(kProtocolVersion);
  body->set_program_version("0.1.0");
  body->set_worker_name("node-1");
  body->set_host("node-1");
  body->set_pid(1234);
  body->set_heartbeat_interval_ms(1000);
  body->set_first_sequence(1);
  Slot* slot = body->add_slots();
  slot->set_device("cpu");
  slot->set_device_name("two threads");
  slot->set_pack_limit(4);
  set_attempt(body->add_held());
  return message;
}

FromWorker report(const std::function<void(Report&)>& fill) {
  FromWorker message = from_worker();
  message.mutable_report()->set_sequence(3);
  set_attempt(message.mutable_report()->mutable_attempt());
  fill(*message.mutable_report());
  return message;
}

void fill_artifact(Artifact* artifact) {
  artifact->set_name("adapter/adapter_model.safetensors");
  artifact->set_size_bytes(100);
  artifact->set_sha256(some_sha256());
}

FromWorker chunk() {
  FromWorker message = from_worker();
  ArtifactChunk* body = message.mutable_chunk();
  set_attempt(body->mutable_attempt());
  body->set_name("metrics.jsonl");
  body->set_offset(4);
  body->set_data("hello");
  body->set_size_bytes(9);
  body->set_sha256(some_sha256());
  return message;
}

FromCoordinator assign() {
  FromCoordinator message = from_coordinator();
  set_attempt(message.mutable_assign()->mutable_attempt());
  message.mutable_assign()->set_trial_json("{}");
  return message;
}

std::vector<FromWorker> valid_from_worker() {
  FromWorker heartbeat = from_worker();
  set_attempt(heartbeat.mutable_heartbeat()->add_running());
  FromWorker goodbye = from_worker();
  goodbye.mutable_goodbye()->set_reason("walltime");
  return {
      hello(),
      heartbeat,
      chunk(),
      goodbye,
      report([](Report& r) { r.mutable_started()->set_steps_total(10); }),
      report([](Report& r) {
        r.set_sequence(0);
        r.mutable_progress()->set_loss(0.5);
      }),
      report([](Report& r) {
        r.mutable_metric()->set_name("accuracy");
        r.mutable_metric()->set_split("test");
      }),
      report([](Report& r) { fill_artifact(r.mutable_checkpointed()->mutable_artifact()); }),
      report([](Report& r) {
        r.mutable_finished()->set_result_json("{}");
        fill_artifact(r.mutable_finished()->add_artifacts());
      }),
      report([](Report& r) { r.mutable_failed()->set_kind(OUT_OF_MEMORY); }),
      report([](Report& r) { r.mutable_handed_back()->set_reason("stop"); }),
  };
}

std::vector<FromCoordinator> valid_from_coordinator() {
  FromCoordinator welcome = from_coordinator();
  welcome.mutable_welcome()->set_lease_ms(10'000);
  FromCoordinator refused = from_coordinator();
  refused.mutable_refused()->set_reason(Refused::PROTOCOL_VERSION);
  FromCoordinator cancel = from_coordinator();
  set_attempt(cancel.mutable_cancel()->mutable_attempt());
  FromCoordinator ack = from_coordinator();
  ack.mutable_ack()->set_sequence(9);
  FromCoordinator chunk_ack = from_coordinator();
  set_attempt(chunk_ack.mutable_chunk_ack()->mutable_attempt());
  chunk_ack.mutable_chunk_ack()->set_name("metrics.jsonl");
  FromCoordinator stop = from_coordinator();
  stop.mutable_stop()->set_drain(true);
  FromCoordinator data = from_coordinator();
  set_attempt(data.mutable_resume_data()->mutable_attempt());
  data.mutable_resume_data()->set_data("bytes");
  return {welcome, refused, assign(), cancel, ack, chunk_ack, stop, data};
}

TEST(Codec, every_message_comes_back_as_it_was) {
  for (const FromWorker& message : valid_from_worker()) {
    const Result<std::string> bytes = encode(message);
    ASSERT_TRUE(bytes) << bytes.error().message << "\n" << message.DebugString();
    const Result<FromWorker> back = decode_from_worker(*bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->DebugString(), message.DebugString());
  }
  for (const FromCoordinator& message : valid_from_coordinator()) {
    const Result<std::string> bytes = encode(message);
    ASSERT_TRUE(bytes) << bytes.error().message << "\n" << message.DebugString();
    const Result<FromCoordinator> back = decode_from_coordinator(*bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->DebugString(), message.DebugString());
  }
}

// Each broken message, and a word that its refusal must contain.
struct BrokenCase {
  FromWorker message;
  std::string said;
};

template <typename Change>
BrokenCase broken(FromWorker message, Change change, std::string said) {
  change(message);
  return {std::move(message), std::move(said)};
}

std::vector<BrokenCase> broken_cases() {
  const FromWorker finished =
      report([](Report& r) { fill_artifact(r.mutable_finished()->add_artifacts()); });
  const auto with_name = [&](const std::string& name) {
    return broken(
        finished,
        [&](FromWorker& m) {
          m.mutable_report()->mutable_finished()->mutable_artifacts(0)->set_name(name);
        },
        "artifact name");
  };
  return {
      broken(
          hello(), [](FromWorker& m) { m.set_session(0); }, "session"),
      broken(
          hello(), [](FromWorker& m) { m.clear_body(); }, "no body"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->clear_slots(); }, "slots"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->mutable_slots(0)->set_index(5); },
          "numbered"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->mutable_slots(0)->set_pack_limit(0); },
          "pack_limit"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->clear_worker_name(); }, "worker_name"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->set_worker_name(std::string(256, 'n')); },
          "worker_name"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->set_heartbeat_interval_ms(0); },
          "heartbeat"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->set_first_sequence(0); },
          "first_sequence"),
      broken(
          hello(), [](FromWorker& m) { m.mutable_hello()->mutable_held(0)->set_trial(-1); },
          "count from 1"),
      broken(
          hello(),
          [](FromWorker& m) {
            for (int i = 0; i <= kMaxAttempts; ++i)
              set_attempt(m.mutable_hello()->add_held());
          },
          "too many attempts"),
      broken(
          finished, [](FromWorker& m) { m.mutable_report()->set_sequence(0); }, "sequence"),
      broken(
          finished, [](FromWorker& m) { m.mutable_report()->clear_body(); }, "no body"),
      broken(
          finished, [](FromWorker& m) { m.mutable_report()->clear_attempt(); }, "count from 1"),
      broken(
          finished,
          [](FromWorker& m) {
            m.mutable_report()->mutable_finished()->mutable_artifacts(0)->set_sha256("ABC");
          },
          "SHA-256"),
      broken(
          report([](Report& r) { r.mutable_failed(); }), [](FromWorker&) {}, "no known kind"),
      broken(
          report([](Report& r) { r.mutable_metric()->set_split("test"); }), [](FromWorker&) {},
          "metric"),
      broken(
          chunk(), [](FromWorker& m) { m.mutable_chunk()->set_offset(5); },
          "beyond its artifact's end"),
      broken(
          chunk(), [](FromWorker& m) { m.mutable_chunk()->set_size_bytes(kMaxArtifactBytes + 1); },
          "too many bytes"),
      broken(
          chunk(),
          [](FromWorker& m) {
            m.mutable_chunk()->set_size_bytes(kMaxChunkBytes * 2);
            m.mutable_chunk()->set_data(std::string(kMaxChunkBytes + 1, 'x'));
          },
          "chunk.data"),
      with_name("../../etc/passwd"),
      with_name("/etc/passwd"),
      with_name("adapter//x"),
      with_name("adapter/.."),
      with_name(".hidden"),
      with_name("a b"),
      with_name("a\nb"),
      with_name(""),
  };
}

TEST(Codec, broken_messages_are_refused_by_both_sides_with_the_field) {
  for (const BrokenCase& broken_case : broken_cases()) {
    const Result<FromWorker> decoded = decode_from_worker(broken_case.message.SerializeAsString());
    ASSERT_FALSE(decoded) << broken_case.message.DebugString();
    EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(decoded.error().message, HasSubstr(broken_case.said));
    EXPECT_FALSE(encode(broken_case.message)) << broken_case.said;
  }
}

TEST(Codec, messages_over_the_size_limit_are_refused) {
  const std::string too_long(kMaxMessageBytes + 1, '\0');
  EXPECT_THAT(decode_from_worker(too_long).error().message, HasSubstr("1048576"));
  EXPECT_THAT(decode_from_coordinator(too_long).error().message, HasSubstr("1048576"));
  FromCoordinator message = assign();
  message.mutable_assign()->set_trial_json(std::string(kMaxMessageBytes, ' '));
  EXPECT_FALSE(encode(message));
}

TEST(Codec, text_that_is_no_utf8_is_refused) {
  FromWorker message = hello();
  message.mutable_hello()->set_worker_name("node");
  std::string bytes = message.SerializeAsString();
  const std::size_t at = bytes.find("node");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = '\xff';
  EXPECT_FALSE(decode_from_worker(bytes));
}

TEST(Codec, a_body_of_a_later_version_is_refused_and_unknown_fields_are_not) {
  // Field 99, length-delimited, one byte: as a later version might add.
  const std::string unknown("\x9a\x06\x01x", 4);
  FromWorker bare = from_worker();
  EXPECT_FALSE(decode_from_worker(bare.SerializeAsString() + unknown));
  EXPECT_TRUE(decode_from_worker(hello().SerializeAsString() + unknown));
}

TEST(Codec, truncated_and_mutated_bytes_never_pass_the_limits) {
  Random random(20);
  int accepted = 0;
  for (const FromWorker& message : valid_from_worker()) {
    const std::string bytes = message.SerializeAsString();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const Result<FromWorker> decoded = decode_from_worker(bytes.substr(0, length));
      if (decoded) {
        EXPECT_TRUE(encode(*decoded));
      }
    }
    for (int i = 0; i < 2000; ++i) {
      std::string mutated = bytes;
      for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
        mutated[random.below(mutated.size())] = static_cast<char>(random.below(256));
      }
      const Result<FromWorker> decoded = decode_from_worker(mutated);
      if (!decoded) continue;
      ++accepted;
      // What passed obeys the limits: the sender's check agrees.
      EXPECT_TRUE(encode(*decoded)) << decoded->DebugString();
    }
  }
  EXPECT_GT(accepted, 0) << "no mutation was ever accepted: the test proves nothing";
  for (int i = 0; i < 2000; ++i) {
    std::string garbage(random.below(300), '\0');
    for (char& c : garbage)
      c = static_cast<char>(random.below(256));
    const Result<FromCoordinator> decoded = decode_from_coordinator(garbage);
    if (decoded) {
      EXPECT_TRUE(encode(*decoded));
    }
  }
}

TEST(Codec, names_of_artifacts_that_trials_write_are_accepted) {
  for (const char* name : {"metrics.jsonl", "predictions.jsonl", "adapter/adapter_config.json",
                           "adapter/adapter_model.safetensors", "checkpoint/step-120"}) {
    EXPECT_TRUE(check_artifact_name(name)) << name;
  }
}

TEST(CheckpointName, comes_back_and_other_names_are_none) {
  EXPECT_TRUE(check_artifact_name(checkpoint_name(120)));
  EXPECT_EQ(checkpoint_step(checkpoint_name(120)), 120);
  for (const char* name :
       {"checkpoint/step-", "checkpoint/step-1x", "checkpoint/step--1", "metrics.jsonl", ""}) {
    EXPECT_FALSE(checkpoint_step(name)) << name;
  }
}

TEST(VersionMismatch, says_which_side_is_older_and_what_to_do) {
  const Error older = version_mismatch(kProtocolVersion - 1, "0.0.9");
  EXPECT_EQ(older.kind, ErrorKind::kVersion);
  EXPECT_THAT(older.message, HasSubstr("0.0.9"));
  EXPECT_THAT(older.message, HasSubstr("the worker is the older one"));
  EXPECT_THAT(version_mismatch(kProtocolVersion + 1, "9").message,
              HasSubstr("the coordinator is the older one"));
}

TEST(ClipText, cuts_at_characters_and_replaces_what_is_no_utf8) {
  EXPECT_EQ(clip_text("abc", 2), "ab");
  EXPECT_EQ(clip_text("a\xc3\xa4", 2), "a");
  EXPECT_EQ(clip_text("a\xc3\xa4", 3), "a\xc3\xa4");
  EXPECT_EQ(clip_text("a\xff\xc3", 10), "a??");
  EXPECT_EQ(clip_text("\xed\xa0\x80", 10), "???") << "a surrogate is no character";
  EXPECT_EQ(clip_text("\xf0\x9f\x98\x80!", 10), "\xf0\x9f\x98\x80!");
}

}  // namespace
}  // namespace plateau::wire
