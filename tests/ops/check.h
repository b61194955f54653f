#pragma once
/// All that is checked of one row, as gtest expectations.

#include <string_view>

#include "tests/ops/rows.h"

namespace hone::tests {

void check_row(const OpRows& op, const Row& row);
/// Building, parsing or running the row must throw Error, whose text contains `word`.
void check_refused(const OpRows& op, const Row& row, std::string_view word);

}  // namespace hone::tests
