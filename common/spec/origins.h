// Where the values of a planned trial came from.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/spec/problem.h"

namespace plateau {

// Of one parameter that the sweep set: in a file or by an override.
struct Origin {
  std::string name;
  Place place;
  bool is_computed = false;  // there stands an expression
};

// Of all that the sweep set in one trial. A list that grows at its end; copies share what they have
// in common, since a grid's neighbours differ in their last parameters alone.
class Origins {
 public:
  Origins with(std::shared_ptr<const Origin> origin) const {
    Origins longer;
    longer.last_ = std::make_shared<const Link>(Link{std::move(origin), last_});
    return longer;
  }
  // nullptr: it has its default.
  std::shared_ptr<const Origin> find(std::string_view name) const {
    for (const Link* link = last_.get(); link != nullptr; link = link->before.get()) {
      if (link->origin->name == name) return link->origin;
    }
    return nullptr;
  }

 private:
  struct Link {
    std::shared_ptr<const Origin> origin;
    std::shared_ptr<const Link> before;
  };
  std::shared_ptr<const Link> last_;
};

}  // namespace plateau
