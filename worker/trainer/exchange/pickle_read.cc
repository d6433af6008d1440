#include <algorithm>
#include <map>
#include <optional>

#include "worker/trainer/exchange/pickle_values.h"

namespace plateau::trainer {
namespace {

using namespace pickled;  // NOLINT(google-build-using-namespace): this file is their machine

class Machine {
 public:
  explicit Machine(std::string_view program) : program_(program) {}

  Result<std::vector<PickledTensor>> run() {
    if (program_.substr(0, 1) != "\x80") return wrong("it does not begin as a pickle does");
    while (at_ < program_.size()) {
      begin_ = at_;
      const char code = program_[at_++];
      if (code == '.') return result();
      if (!step(code)) return wrong(why_);
    }
    return wrong("it ends without its last opcode");
  }

 private:
  Error wrong(const std::string& why) const {
    return corrupt("no dict of tensors as torch.save writes it: " + why + ", at byte " +
                   std::to_string(begin_) + " of its pickle. Nothing of it was run");
  }

  bool no(std::string why) {
    why_ = std::move(why);
    return false;
  }

  Result<std::vector<PickledTensor>> result() const {
    const auto* dict = stack_.size() == 1 ? stack_[0].as<std::shared_ptr<Dict>>() : nullptr;
    if (dict == nullptr) return wrong("it holds something else");
    if ((*dict)->holds_others) return wrong("the dict holds more than tensors");
    return (*dict)->tensors;
  }

  std::optional<std::uint64_t> little(std::size_t size) {
    if (size > program_.size() - at_) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(program_[at_ + i]);
    at_ += size;
    return value;
  }

  std::optional<std::string> text(std::size_t length_size) {
    const auto length = little(length_size);
    if (!length || *length > program_.size() - at_) return std::nullopt;
    at_ += static_cast<std::size_t>(*length);
    return std::string(program_.substr(at_ - static_cast<std::size_t>(*length),
                                       static_cast<std::size_t>(*length)));
  }

  std::optional<std::string> line() {
    const std::size_t end = program_.find('\n', at_);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string found(program_.substr(at_, end - at_));
    at_ = end + 1;
    return found;
  }

  bool push(std::optional<Value> value) {
    if (!value) return no("a part is cut or of a form that is not read");
    stack_.push_back(std::move(*value));
    return true;
  }

  std::optional<Value> pop() {
    if (stack_.empty()) return std::nullopt;
    Value top = std::move(stack_.back());
    stack_.pop_back();
    return top;
  }

  // What lies above the last mark, which goes too.
  std::optional<std::vector<Value>> pop_marked() {
    std::size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1].as<Mark>() == nullptr)
      --mark;
    if (mark == 0) return std::nullopt;
    std::vector<Value> values(stack_.begin() + static_cast<std::ptrdiff_t>(mark), stack_.end());
    stack_.resize(mark - 1);
    return values;
  }

  bool push_tuple(std::optional<std::vector<Value>> items) {
    if (!items) return no("a tuple without a beginning");
    Tuple tuple{std::move(*items), 1};
    for (const Value& item : tuple.items) {
      if (const auto* inner = item.as<std::shared_ptr<const Tuple>>())
        tuple.depth = std::max(tuple.depth, (*inner)->depth + 1);
      if (item.as<Mark>() != nullptr) return no("a mark in a tuple");
    }
    if (tuple.depth > kMaxDepth) return no("tuples nested too deeply");
    return push(Value{std::make_shared<const Tuple>(std::move(tuple))});
  }

  bool push_last_as_tuple(std::size_t count) {
    if (stack_.size() < count) return no("a tuple of what is not there");
    std::vector<Value> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return push_tuple(std::move(items));
  }

  bool remember(std::optional<std::uint64_t> index) {
    if (!index || stack_.empty() || stack_.back().as<Mark>() != nullptr)
      return no("nothing to remember");
    memo_.insert_or_assign(*index, stack_.back());
    return true;
  }

  bool recall(std::optional<std::uint64_t> index) {
    const auto found = index ? memo_.find(*index) : memo_.end();
    if (found == memo_.end()) return no("nothing was remembered under this number");
    return push(found->second);
  }

  bool set_items(std::optional<std::vector<Value>> items) {
    const auto* top = stack_.empty() ? nullptr : stack_.back().as<std::shared_ptr<Dict>>();
    if (top == nullptr || !items || items->size() % 2 != 0) return no("items without a dict");
    Dict& dict = **top;
    for (std::size_t i = 0; i < items->size(); i += 2) {
      const auto* name = (*items)[i].as<Text>();
      const auto* tensor = (*items)[i + 1].as<Tensor>();
      if (name == nullptr || tensor == nullptr) {
        dict.holds_others = true;
        continue;
      }
      if (!dict.names.insert(**name).second) return no("two tensors of one name");
      dict.tensors.push_back(**tensor);
      dict.tensors.back().name = **name;
    }
    return true;
  }

  bool set_item() {
    if (stack_.size() < 3) return no("an item without a dict");
    std::vector<Value> pair(stack_.end() - 2, stack_.end());
    stack_.resize(stack_.size() - 2);
    return set_items(std::move(pair));
  }

  bool global() {
    const auto module = line(), name = line();
    if (!module || !name) return no("a name is cut");
    auto value = known_name(*module, *name);
    if (!value) {
      return no("it names \"" + module->substr(0, 80) + "." + name->substr(0, 80) +
                "\", which has no place in a file of weights");
    }
    return push(std::move(value));
  }

  bool reduce() {
    const auto arguments = pop(), function = pop();
    if (!arguments || !function || arguments->items() == nullptr ||
        function->as<Known>() == nullptr)
      return no("a call of what is no function");
    auto value = call(*function->as<Known>(), *arguments->items());
    if (!value) return no("a tensor or dict of impossible form");
    return push(std::move(value));
  }

  bool persistent() {
    const auto id = pop();
    if (!id) return no("a storage without a name");
    return push(storage_of(*id));
  }

  // OrderedDict's own state (state_dict's _metadata): of no use here.
  bool build() {
    if (!pop()) return no("a state without an object");
    if (stack_.empty() || stack_.back().as<std::shared_ptr<Dict>>() == nullptr)
      return no("a state for what is no dict");
    return true;
  }

  std::optional<Value> whole(std::size_t size) {
    const auto value = little(size);
    if (!value) return std::nullopt;
    if (size == 4) return Value{static_cast<std::int64_t>(static_cast<std::int32_t>(*value))};
    return Value{static_cast<std::int64_t>(*value)};
  }

  std::optional<Value> long_number() {
    const auto size = little(1);
    if (!size || *size > 8) return std::nullopt;
    const auto bits = static_cast<unsigned>(*size) * 8;
    const auto value = little(static_cast<std::size_t>(*size));
    if (!value) return std::nullopt;
    if (bits == 0 || bits == 64) return Value{static_cast<std::int64_t>(*value)};
    const bool negative = (*value >> (bits - 1) & 1) != 0;
    return Value{
        static_cast<std::int64_t>(negative ? *value | (~std::uint64_t{0} << bits) : *value)};
  }

  std::optional<Value> text_value(std::size_t length_size) {
    auto found = text(length_size);
    if (!found) return std::nullopt;
    return Value{std::make_shared<const std::string>(std::move(*found))};
  }

  bool step(char code) {
    switch (code) {
      case '\x80':  // PROTO
        return little(1).has_value() || no("its version is cut");
      case 'c':  // GLOBAL
        return global();
      case 'q':  // BINPUT
        return remember(little(1));
      case 'r':  // LONG_BINPUT
        return remember(little(4));
      case 'h':  // BINGET
        return recall(little(1));
      case 'j':  // LONG_BINGET
        return recall(little(4));
      case 'R':  // REDUCE
        return reduce();
      case 'Q':  // BINPERSID
        return persistent();
      case 's':  // SETITEM
        return set_item();
      case 'u':  // SETITEMS
        return set_items(pop_marked());
      case 'b':  // BUILD
        return build();
      default:
        return step_value(code);
    }
  }

  // Opcodes that push one plain value.
  bool step_value(char code) {
    switch (code) {
      case '(':  // MARK
        return push(Value{Mark{}});
      case 'N':  // NONE
        return push(Value{Nothing{}});
      case '\x88':  // NEWTRUE
      case '\x89':  // NEWFALSE
        return push(Value{code == '\x88'});
      case '}':  // EMPTY_DICT
        return push(Value{std::make_shared<Dict>()});
      case 'X':  // BINUNICODE
        return push(text_value(4));
      case 'J':  // BININT
        return push(whole(4));
      case 'K':  // BININT1
        return push(whole(1));
      case 'M':  // BININT2
        return push(whole(2));
      case '\x8a':  // LONG1
        return push(long_number());
      case ')':  // EMPTY_TUPLE
        return push_tuple(std::vector<Value>());
      case 't':  // TUPLE
        return push_tuple(pop_marked());
      case '\x85':  // TUPLE1, TUPLE2, TUPLE3
      case '\x86':
      case '\x87':
        return push_last_as_tuple(static_cast<unsigned char>(code) - 0x84U);
      default:
        return no("an opcode that torch.save does not write for weights");
    }
  }

  std::string_view program_;
  std::size_t at_ = 0, begin_ = 0;
  std::vector<Value> stack_;
  std::map<std::uint64_t, Value> memo_;
  std::string why_;
};

}  // namespace

Result<std::vector<PickledTensor>> read_pickled_tensors(std::string_view pickle) {
  return Machine(pickle).run();
}

}  // namespace plateau::trainer
