// plateau-parquet.so: the only file that sees Arrow.
#include "coordinator/results/parquet/module.h"

#include <exception>
#include <memory>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/writer.h>

namespace plateau::results {
namespace {

constexpr std::int64_t kRowGroup = 1 << 17;

std::unique_ptr<arrow::ArrayBuilder> builder_of(const std::vector<std::string>&) {
  return std::make_unique<arrow::StringBuilder>();
}
std::unique_ptr<arrow::ArrayBuilder> builder_of(const std::vector<std::int64_t>&) {
  return std::make_unique<arrow::Int64Builder>();
}
std::unique_ptr<arrow::ArrayBuilder> builder_of(const std::vector<double>&) {
  return std::make_unique<arrow::DoubleBuilder>();
}
std::unique_ptr<arrow::ArrayBuilder> builder_of(const std::vector<bool>&) {
  return std::make_unique<arrow::BooleanBuilder>();
}
std::unique_ptr<arrow::ArrayBuilder> builder_of(const std::vector<std::vector<double>>&) {
  return std::make_unique<arrow::ListBuilder>(arrow::default_memory_pool(),
                                              std::make_shared<arrow::DoubleBuilder>());
}

arrow::Status append_to(arrow::ArrayBuilder& builder, const std::string& value) {
  return static_cast<arrow::StringBuilder&>(builder).Append(value);
}
arrow::Status append_to(arrow::ArrayBuilder& builder, std::int64_t value) {
  return static_cast<arrow::Int64Builder&>(builder).Append(value);
}
arrow::Status append_to(arrow::ArrayBuilder& builder, double value) {
  return static_cast<arrow::DoubleBuilder&>(builder).Append(value);
}
arrow::Status append_to(arrow::ArrayBuilder& builder, bool value) {
  return static_cast<arrow::BooleanBuilder&>(builder).Append(value);
}
arrow::Status append_to(arrow::ArrayBuilder& builder, const std::vector<double>& value) {
  auto& list = static_cast<arrow::ListBuilder&>(builder);
  ARROW_RETURN_NOT_OK(list.Append());
  return static_cast<arrow::DoubleBuilder&>(*list.value_builder()).AppendValues(value);
}

arrow::Result<std::shared_ptr<arrow::Array>> array_of(const TypedColumn& column) {
  return std::visit(
      [&](const auto& values) -> arrow::Result<std::shared_ptr<arrow::Array>> {
        const auto builder = builder_of(values);
        for (std::size_t row = 0; row < values.size(); ++row) {
          ARROW_RETURN_NOT_OK(column.is_there[row] ? append_to(*builder, values[row])
                                                   : builder->AppendNull());
        }
        return builder->Finish();
      },
      column.values);
}

arrow::Result<std::string> file_of(const Columns& columns) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const TypedColumn& column : columns.columns) {
    ARROW_ASSIGN_OR_RAISE(auto array, array_of(column));
    fields.push_back(arrow::field(column.name, array->type()));
    arrays.push_back(std::move(array));
  }
  const auto table =
      arrow::Table::Make(arrow::schema(fields), arrays, static_cast<std::int64_t>(columns.rows));
  ARROW_ASSIGN_OR_RAISE(const auto sink, arrow::io::BufferOutputStream::Create());
  const auto properties =
      parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink,
                                                 kRowGroup, properties));
  ARROW_ASSIGN_OR_RAISE(const auto bytes, sink->Finish());
  return bytes->ToString();
}

bool write(const Columns& columns, std::string& out) {
  try {
    auto file = file_of(columns);
    out = file.ok() ? *std::move(file) : file.status().ToString();
    return file.ok();
  } catch (const std::exception& error) {  // Parquet's own
    out = error.what();
    return false;
  }
}

}  // namespace
}  // namespace plateau::results

extern "C" {
// Named in module.h, found by dlsym().
[[gnu::visibility("default")]] extern const int plateau_parquet_layout =
    plateau::results::kParquetLayout;

[[gnu::visibility("default")]] bool plateau_parquet_write(const plateau::results::Columns& columns,
                                                          std::string& out) {
  return plateau::results::write(columns, out);
}
}
