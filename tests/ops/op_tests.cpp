/// One test per row of every op, named op.row: `op_tests --gtest_filter=leaky_relu.*`.  Fails
/// where the filter matches nothing.

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "tests/ops/check.h"
#include "tests/ops/isa.h"

namespace hone::tests {

#define HONE_OP(op)         \
  namespace op##_rows {     \
    extern const OpRows op; \
  }
#include "ops/table.inc"
#undef HONE_OP

namespace {

class RowTest : public testing::Test {
 public:
  RowTest(const OpRows& rows, const Row& row, std::string_view refused)
      : rows_(rows), row_(row), refused_(refused) {}
  void TestBody() override {
    if (refused_.empty()) {
      check_row(rows_, row_);
    } else {
      check_refused(rows_, row_, refused_);
    }
  }

 private:
  const OpRows& rows_;
  const Row& row_;
  std::string_view refused_;
};

void add(const char* op, const OpRows& rows, const Row& row, std::string_view refused) {
  const std::string name = refused.empty() ? row.name : "refuses " + row.name;
  testing::RegisterTest(op, name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                        [&rows, &row, refused]() -> testing::Test* {
                          return new RowTest(rows, row, refused);  // gtest deletes it
                        });
}

void add_all(const char* op, const OpRows& rows) {
  for (const Row& row : rows.rows) add(op, rows, row, "");
  for (const Refused& refused : rows.refused) add(op, rows, refused.row, refused.word);
}

}  // namespace
}  // namespace hone::tests

int main(int argc, char** argv) {
  if (hone::tests::lacks_isa()) return hone::tests::skipped;
  testing::InitGoogleTest(&argc, argv);
#define HONE_OP(op) hone::tests::add_all(#op, hone::tests::op##_rows::op);
#include "ops/table.inc"
#undef HONE_OP
  const int failed = RUN_ALL_TESTS();
  if (testing::GTEST_FLAG(list_tests)) return failed;
  if (testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
    std::fputs("no row matches the filter\n", stderr);
    return 1;
  }
  return failed;
}
