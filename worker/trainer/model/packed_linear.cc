#include "worker/trainer/model/packed_linear.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "common/base/check.h"
#include "worker/trainer/model/layers.h"

namespace plateau::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One trial at one part of the matrix: its branch, its own weight and bias, or both kinds.
struct Piece {
  const LinearBranch* branch = nullptr;
  const LinearSite* site = nullptr;
  std::int64_t first_column = 0;
  const RowShare* share = nullptr;
  // As the model computes with them; undefined: the frozen ones.
  at::Tensor own_weight, own_bias;
  std::size_t trained_count = 0;  // of the branch
  std::size_t saved_count = 0;

  bool is_frozen() const {
    return branch == nullptr && !own_weight.defined() && !own_bias.defined();
  }
  at::Tensor bias() const { return own_bias.defined() ? own_bias : site->bias; }
  at::Tensor rows(const at::Tensor& x) const { return x.narrow(0, share->first_row, share->rows); }
  LinearInput input(const at::Tensor& x) const {
    return {*site, rows(x), share->lengths, share->key, bias()};
  }
  at::Tensor cut(const at::Tensor& y) const { return rows(y).narrow(1, first_column, site->out()); }
  // On the way back; y may be undefined.
  LinearInput input(const at::Tensor& x, const at::Tensor& y) const {
    LinearInput seen = input(x);
    if (y.defined()) seen.y = cut(y);
    return seen;
  }
};

struct Plan : torch::CustomClassHolder {
  std::vector<FrozenTensor> weights;  // as FrozenLinear's
  std::int64_t in = 0, out = 0;
  at::Tensor bias;
  kernels::Activation activation;  // of the input, before anything
  std::vector<RowShare> shares;
  std::vector<Piece> pieces;  // every share at every part
  bool has_own_weight = false;
  bool only_own_weights = false;  // no row needs the frozen product
  bool has_own_bias = false;
  bool covers_all = false;  // there is a piece for every share and part
};
using PlanPtr = c10::intrusive_ptr<Plan>;

// x W^T + bias.
at::Tensor frozen_product(const Plan& plan, const at::Tensor& x, const at::Tensor& bias) {
  if (!plan.weights.front().is_quantized())
    return at::linear(x, plan.weights.front().dense(), bias);
  at::Tensor y = at::empty({x.size(0), plan.out}, x.options().requires_grad(false));
  std::int64_t first = 0;
  for (const FrozenTensor& weight : plan.weights) {
    weight.multiply_into(x, y.narrow(1, first, weight.size(0)));
    first += weight.size(0);
  }
  return bias.defined() ? y.add_(bias) : y;
}

// grad W.
at::Tensor frozen_product_back(const Plan& plan, const at::Tensor& grad) {
  if (!plan.weights.front().is_quantized()) return at::matmul(grad, plan.weights.front().dense());
  at::Tensor sum;
  std::int64_t first = 0;
  for (const FrozenTensor& weight : plan.weights) {
    const at::Tensor part = weight.multiply_back(grad.narrow(1, first, weight.size(0)));
    sum = sum.defined() ? sum.add_(part) : part;
    first += weight.size(0);
  }
  return sum;
}

// x W^T, and each piece's bias where somebody brings an own one.
at::Tensor product(const Plan& plan, const at::Tensor& x) {
  at::Tensor y;
  if (plan.only_own_weights) {
    y = at::empty({x.size(0), plan.out}, x.options());
  } else {
    y = frozen_product(plan, x, plan.has_own_bias ? at::Tensor() : plan.bias);
  }
  for (const Piece& piece : plan.pieces) {
    at::Tensor part = piece.cut(y);
    if (piece.own_weight.defined()) {
      part.copy_(at::linear(piece.rows(x), piece.own_weight, piece.bias()));
    } else if (plan.has_own_bias && piece.bias().defined()) {
      part.add_(piece.bias());
    }
  }
  return y;
}

class PackedLinear : public torch::autograd::Function<PackedLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const PlanPtr& plan, const at::Tensor& input,
                            at::TensorList trained) {
    const at::Tensor x = activate(plan->activation, input);
    at::Tensor y = product(*plan, x);
    variable_list saved;
    // The input is kept only where somebody will need it; what the activation made of it never is.
    const bool keeps = needs_x(*plan) || plan->activation.curve != kernels::Curve::kNone;
    saved.push_back(keeps ? input : at::Tensor());
    const bool keeps_y = std::any_of(plan->pieces.begin(), plan->pieces.end(), [](const Piece& p) {
      return p.branch != nullptr && p.branch->keeps_output(p.share->key);
    });
    saved.push_back(keeps_y ? y : at::Tensor());
    saved.insert(saved.end(), trained.begin(), trained.end());  // So that a change is noticed.
    for (Piece& piece : plan->pieces) {
      if (piece.branch == nullptr) continue;
      const auto kept = piece.branch->forward(piece.input(x), piece.cut(y));
      piece.saved_count = kept.size();
      saved.insert(saved.end(), kept.begin(), kept.end());
    }
    context->save_for_backward(std::move(saved));
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    context->saved_data["trained"] = static_cast<std::int64_t>(trained.size());
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data["plan"].toCapsule();
    const Plan& plan = *static_cast<const Plan*>(capsule.get());
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& input = saved[0];
    const at::Tensor x = needs_x(plan) ? activate(plan.activation, input) : at::Tensor();
    const at::Tensor grad_y = gradients[0].contiguous();
    const auto trained = static_cast<std::size_t>(context->saved_data["trained"].toInt());
    std::span<const at::Tensor> kept(saved.data() + 2 + trained, saved.size() - 2 - trained);

    const bool needs_grad_x = context->needs_input_grad(0);
    at::Tensor grad_x;
    std::vector<at::Tensor> sums(plan.pieces.size());
    if (needs_grad_x) grad_x = product_gradient({plan, x, saved[1], grad_y, kept}, sums);

    variable_list result = {at::Tensor(), grad_x};
    for (std::size_t i = 0; i < plan.pieces.size(); ++i) {
      const Piece& piece = plan.pieces[i];
      own_gradients(piece, x, grad_y, result);
      if (piece.branch == nullptr) continue;
      at::Tensor share;
      if (needs_grad_x) share = piece.rows(grad_x);
      LinearInput seen = piece.input(x, saved[1]);
      seen.sums = sums[i];
      const auto grads = piece.branch->backward(
          seen, piece.cut(grad_y), kept.first(piece.saved_count), needs_grad_x ? &share : nullptr);
      result.insert(result.end(), grads.begin(), grads.end());
      kept = kept.subspan(piece.saved_count);
    }
    if (needs_grad_x) result[1] = activate_back(plan.activation, input, grad_x);
    return result;
  }

 private:
  static bool needs_x(const Plan& plan) {
    return std::any_of(plan.pieces.begin(), plan.pieces.end(), [](const Piece& piece) {
      return piece.branch != nullptr || piece.own_weight.defined();
    });
  }

  static void own_gradients(const Piece& piece, const at::Tensor& x, const at::Tensor& grad_y,
                            variable_list& result) {
    const at::Tensor part = piece.cut(grad_y);
    if (piece.own_weight.defined()) result.push_back(at::mm(part.t(), piece.rows(x)));
    if (piece.own_bias.defined()) result.push_back(part.sum(0));
  }

  struct WayBack {
    const Plan& plan;
    const at::Tensor &x, &y, &grad_y;  // y may be undefined
    std::span<const at::Tensor> kept;
  };

  // What reaches x through the frozen matrix and through the trials' own ones. `sums`: what the
  // branches' rescale() returned, by piece.
  static at::Tensor product_gradient(const WayBack& way, std::vector<at::Tensor>& sums) {
    const Plan& plan = way.plan;
    const at::Tensor& grad_y = way.grad_y;
    if (!plan.has_own_weight) return frozen_product_back(plan, frozen_gradient(way, sums));
    at::Tensor grad_x = plan.only_own_weights
                            ? at::zeros({grad_y.size(0), plan.in}, grad_y.options())
                            : frozen_product_back(plan, frozen_gradient(way, sums));
    for (const Piece& piece : plan.pieces) {
      if (piece.own_weight.defined())
        piece.rows(grad_x).addmm_(piece.cut(grad_y), piece.own_weight);
    }
    return grad_x;
  }

  // grad_y, with the rows and columns changed that the frozen product does not reach as they are:
  // branches rescale theirs, a trial's own weight has nothing to do with it.
  static at::Tensor frozen_gradient(const WayBack& way, std::vector<at::Tensor>& sums) {
    const Plan& plan = way.plan;
    const at::Tensor& grad_y = way.grad_y;
    std::span<const at::Tensor> kept = way.kept;
    at::Tensor result = grad_y;
    const auto writable = [&]() -> at::Tensor& {
      if (result.is_same(grad_y))
        result = plan.covers_all ? at::empty_like(grad_y) : grad_y.clone();
      return result;
    };
    std::vector<const Piece*> same;
    for (std::size_t i = 0; i < plan.pieces.size(); ++i) {
      const Piece& piece = plan.pieces[i];
      if (piece.own_weight.defined()) piece.cut(writable()).zero_();
      const auto own = kept.first(piece.branch != nullptr ? piece.saved_count : 0);
      kept = kept.subspan(own.size());
      if (piece.branch != nullptr && piece.branch->rescales(piece.share->key)) {
        sums[i] = piece.branch->rescale(piece.input(way.x, way.y), piece.cut(grad_y), own,
                                        piece.cut(writable()));
      } else if (!piece.own_weight.defined()) {
        same.push_back(&piece);
      }
    }
    if (!plan.covers_all || result.is_same(grad_y)) return result;
    for (const Piece* piece : same)
      piece->cut(result).copy_(piece->cut(grad_y));
    return result;
  }
};

// The trial's own tensor at a site, in the site's orientation and dtype, or undefined.
at::Tensor own_tensor(const TrialHooks& hooks, std::size_t index, bool transposed,
                      const at::Tensor& like) {
  if (index == kNoParameter) return {};
  const at::Tensor own = hooks.parameter(index);
  if (!own.defined()) return {};
  return (transposed ? own.t() : own).to(like.scalar_type());
}

Piece make_piece(const LinearSite& site, std::size_t index, const FrozenLinear::Part& part,
                 const RowShare& share, const at::Tensor& x) {
  Piece piece;
  piece.site = &site;
  piece.first_column = part.first_column;
  piece.share = &share;
  if (share.hooks == nullptr) return piece;
  piece.branch = share.hooks->linear(index);
  piece.own_weight = own_tensor(*share.hooks, site.weight_parameter, site.transposed, x);
  piece.own_bias = own_tensor(*share.hooks, site.bias_parameter, false, x);
  PLATEAU_CHECK(piece.branch == nullptr || !piece.own_weight.defined(),
                "a trial has both a branch and an own weight at one linear layer");
  return piece;
}

at::Tensor multiply(const FrozenLinear& linear, const std::vector<LinearSite>& sites,
                    const at::Tensor& x, const std::vector<RowShare>& shares,
                    const kernels::Activation& activation) {
  auto plan = c10::make_intrusive<Plan>();
  plan->activation = activation;
  plan->weights = linear.weights;
  plan->in = linear.in();
  plan->out = linear.out();
  plan->bias = linear.bias;
  for (const RowShare& share : shares) {
    if (share.rows > 0) plan->shares.push_back(share);
  }
  std::vector<at::Tensor> trained;
  for (const FrozenLinear::Part& part : linear.parts) {
    for (const RowShare& share : plan->shares) {
      Piece piece = make_piece(sites[part.site], part.site, part, share, x);
      if (piece.own_weight.defined()) trained.push_back(piece.own_weight);
      if (piece.own_bias.defined()) trained.push_back(piece.own_bias);
      if (piece.branch != nullptr) {
        const auto leaves = piece.branch->trained();
        trained.insert(trained.end(), leaves.begin(), leaves.end());
      }
      plan->has_own_weight |= piece.own_weight.defined();
      plan->has_own_bias |= piece.own_bias.defined();
      plan->pieces.push_back(std::move(piece));
    }
  }
  const auto& pieces = plan->pieces;
  plan->only_own_weights = std::all_of(pieces.begin(), pieces.end(),
                                       [](const Piece& p) { return p.own_weight.defined(); });
  if (!plan->has_own_bias)
    std::erase_if(plan->pieces, [](const Piece& p) { return p.is_frozen(); });
  plan->covers_all = plan->pieces.size() == linear.parts.size() * plan->shares.size();
  return PackedLinear::apply(plan, x, at::TensorList(trained));
}

class Activated : public torch::autograd::Function<Activated> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const kernels::Activation& activation) {
    context->save_for_backward({x});
    context->saved_data["curve"] = static_cast<std::int64_t>(activation.curve);
    context->saved_data["is_gated"] = activation.is_gated;
    return activate(activation, x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const kernels::Activation activation{
        static_cast<kernels::Curve>(context->saved_data["curve"].toInt()),
        context->saved_data["is_gated"].toBool()};
    return {activate_back(activation, context->get_saved_variables()[0], gradients[0].contiguous()),
            at::Tensor()};
  }
};

bool scales_input(const RowShare& share, std::size_t site) {
  return share.hooks != nullptr && share.hooks->input_scale(site).defined();
}

// x with the rows of each trial multiplied with its scale at the site.
at::Tensor scale_inputs(const at::Tensor& x, std::size_t site,
                        const std::vector<RowShare>& shares) {
  return map_rows(x, shares, [&](const RowShare& share, const at::Tensor& rows) -> at::Tensor {
    const at::Tensor scale = share.hooks->input_scale(site);
    return scale.defined() ? rows * scale.to(rows.scalar_type()) : rows;
  });
}

}  // namespace

std::int64_t FrozenLinear::out() const {
  std::int64_t rows = 0;
  for (const FrozenTensor& weight : weights)
    rows += weight.size(0);
  return rows;
}

at::Tensor packed_linear(const FrozenLinear& linear, const std::vector<LinearSite>& sites,
                         const at::Tensor& input, const std::vector<RowShare>& shares,
                         const kernels::Activation& activation) {
  const bool scaled =
      std::any_of(linear.parts.begin(), linear.parts.end(), [&](const FrozenLinear::Part& part) {
        return std::any_of(shares.begin(), shares.end(),
                           [&](const RowShare& share) { return scales_input(share, part.site); });
      });
  if (!scaled) return multiply(linear, sites, input, shares, activation);
  const kernels::Activation none;
  const bool is_plain = activation.curve == kernels::Curve::kNone;
  const at::Tensor x = is_plain ? input : Activated::apply(input, activation);
  if (linear.parts.size() == 1) {
    return multiply(linear, sites, scale_inputs(x, linear.parts.front().site, shares), shares,
                    none);
  }
  // Sites that share a matrix read different inputs here: each is multiplied by itself.
  std::vector<at::Tensor> outputs;
  for (std::size_t i = 0; i < linear.parts.size(); ++i) {
    const FrozenLinear::Part& part = linear.parts[i];
    const std::int64_t out = sites[part.site].out();
    const FrozenLinear own{
        {sites[part.site].weight},
        linear.bias.defined() ? linear.bias.narrow(0, part.first_column, out) : at::Tensor(),
        {{part.site, 0}}};
    outputs.push_back(multiply(own, sites, scale_inputs(x, part.site, shares), shares, none));
  }
  return at::cat(outputs, 1);
}

}  // namespace plateau::trainer
