// Pieces of a page.
#pragma once

#include <string>

#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/table.h"

namespace plateau::results {

// A <table> with its caption and notes; every text of it escaped.
std::string html(const Table& table);
// An <img> that carries the picture as SVG within itself, with its numbers in words beside it.
std::string html(const Drawing& drawing);
// A document around `body`, which is markup. It forbids scripts, frames and anything loaded.
std::string html_page(const std::string& title, const std::string& body);

// RFC 4648, with padding.
std::string base64(const std::string& bytes);

}  // namespace plateau::results
