// Bottleneck adapters: two small layers behind a sub-layer, as in `adapters` 1.3.0.
#pragma once

#include <memory>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// Both add s * up(act(down(z))) to a sub-layer's output y, before the residual x is added.
// Houlsby et al. 2019 (arXiv 1902.00751): behind attention and feed-forward, z = y.
// Pfeiffer et al. 2020 (arXiv 2005.00052): behind the feed-forward layer alone, with z = norm(y +
// x) where the norm follows the sum (BERT) and y + x elsewhere; the result is norm(y + ... + x).
// Not the identity at the start unless bottleneck_init says so.
Result<std::unique_ptr<Adapter>> make_houlsby(const AdapterRequest& request);
Result<std::unique_ptr<Adapter>> make_pfeiffer(const AdapterRequest& request);

}  // namespace plateau::trainer
