#include "tests/ops/one_op.h"

#include <algorithm>
#include <cmath>

#include "ops/table.h"
#include "src/schema/tflite_generated.h"
#include "src/tflite/packed.h"
#include "src/tflite/reader.h"

namespace hone::tests {
namespace {

/// Index along the quantized axis of each element of a tensor.
struct Scales {
  explicit Scales(const TensorType& type) : type_(type) {
    if (!type.per_axis()) return;
    const auto axis = static_cast<std::size_t>(type.axis);
    for (std::size_t d = axis + 1; d < type.shape.rank(); ++d) inner_ *= type.shape[d];
    size_ = type.shape[axis];
  }
  double scale(std::size_t i) const {
    if (!type_.quantized()) return 1;
    return static_cast<double>(type_.scale_at(channel(i)));
  }
  double zero_point(std::size_t i) const {
    if (!type_.quantized()) return 0;
    return type_.axis_zero_points ? (*type_.axis_zero_points)[channel(i)] : type_.zero_point;
  }

 private:
  std::size_t channel(std::size_t i) const {
    return type_.per_axis()
               ? static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner_ % size_)
               : 0;
  }
  const TensorType& type_;
  std::int64_t inner_ = 1, size_ = 1;
};

template <class T>
void write(Tensor& t, const Values& values) {
  const Scales scales(t.type());
  const auto raw = t.mutable_data<T>();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if constexpr (std::same_as<T, Half>) {
      raw[i] = Half::round(static_cast<float>(values[i]));
    } else if constexpr (std::floating_point<T>) {
      raw[i] = static_cast<T>(values[i]);
    } else {
      raw[i] = static_cast<T>(std::llround(values[i] / scales.scale(i) + scales.zero_point(i)));
    }
  }
}

template <class T>
Values read(const Tensor& t) {
  const Scales scales(t.type());
  const auto raw = t.data<T>();
  Values values(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if constexpr (std::same_as<T, Half>) {
      values[i] = static_cast<double>(static_cast<float>(raw[i]));
    } else if constexpr (std::floating_point<T>) {
      values[i] = static_cast<double>(raw[i]);
    } else {
      values[i] = (static_cast<double>(raw[i]) - scales.zero_point(i)) * scales.scale(i);
    }
  }
  return values;
}

/// f.operator()<T>() with the type in memory of `dtype`.
template <class F>
auto with_type(DType dtype, F f) {
  switch (dtype) {
    case DType::float32:
      return f.template operator()<float>();
    case DType::float16:
      return f.template operator()<Half>();
    case DType::float64:
      return f.template operator()<double>();
    case DType::int4:
    case DType::int8:
      return f.template operator()<std::int8_t>();
    case DType::uint8:
    case DType::boolean:
      return f.template operator()<std::uint8_t>();
    case DType::int16:
      return f.template operator()<std::int16_t>();
    case DType::int32:
      return f.template operator()<std::int32_t>();
    case DType::int64:
      return f.template operator()<std::int64_t>();
    default:
      fail(ErrorKind::unsupported, "tests", "no values of type ", dtype);
  }
}

/// The file of one operator.
class Builder {
 public:
  Builder() {
    model_.version = 3;
    model_.buffers.push_back(std::make_unique<tflite::BufferT>());  // buffer 0 is the empty one
    model_.subgraphs.push_back(std::make_unique<tflite::SubGraphT>());
  }

  std::int32_t tensor(const TensorType& type, const Tensor* constant, const std::string& name) {
    std::unique_ptr<tflite::TensorT> table = table_of(type);
    table->name = name;
    if (constant) {
      table->buffer = static_cast<std::uint32_t>(model_.buffers.size());
      model_.buffers.push_back(std::make_unique<tflite::BufferT>());
      const auto packed = file::pack(type.dtype, {constant->raw(), constant->bytes()});
      const auto* first = reinterpret_cast<const std::uint8_t*>(packed.data());
      model_.buffers.back()->data.assign(first, first + packed.size());
    }
    graph().tensors.push_back(std::move(table));
    return static_cast<std::int32_t>(graph().tensors.size() - 1);
  }

  tflite::SubGraphT& graph() { return *model_.subgraphs[0]; }

  std::vector<std::byte> pack(int code, std::unique_ptr<tflite::OperatorT> op,
                              const RowOptions& options) {
    auto code_table = std::make_unique<tflite::OperatorCodeT>();
    code_table->builtin_code = static_cast<tflite::BuiltinOperator>(code);
    code_table->deprecated_builtin_code = static_cast<std::int8_t>(std::min(code, 127));
    model_.operator_codes.push_back(std::move(code_table));
    tflite::OperatorT& table = *op;
    graph().operators.push_back(std::move(op));
    // the row keeps its options: they are lent to the table while it is packed
    table.builtin_options.type = options.type();
    table.builtin_options.value = const_cast<void*>(options.table());
    flatbuffers::FlatBufferBuilder out;
    out.Finish(tflite::Model::Pack(out, &model_), tflite::ModelIdentifier());
    table.builtin_options.type = tflite::BuiltinOptions_NONE;
    table.builtin_options.value = nullptr;
    const auto* first = reinterpret_cast<const std::byte*>(out.GetBufferPointer());
    return {first, first + out.GetSize()};
  }

 private:
  tflite::ModelT model_;
};

int code_of(std::string_view op) {
  for (const tflite::BuiltinOperator code : tflite::EnumValuesBuiltinOperator()) {
    if (op == tflite::EnumNameBuiltinOperator(code)) return code;
  }
  fail(ErrorKind::argument, "tests", "the format has no operator ", op);
}

}  // namespace

std::unique_ptr<tflite::TensorT> table_of(const TensorType& type) {
  auto table = std::make_unique<tflite::TensorT>();
  table->type = static_cast<tflite::TensorType>(type.dtype);
  for (const std::int64_t d : type.shape) table->shape.push_back(static_cast<std::int32_t>(d));
  table->has_rank = true;
  if (!type.QuantParams::quantized()) return table;
  auto quant = std::make_unique<tflite::QuantizationParametersT>();
  if (type.per_axis()) {
    quant->scale = *type.axis_scales;
    quant->zero_point.assign(quant->scale.size(), 0);
    quant->quantized_dimension = type.axis;
  } else {
    quant->scale = {type.scale};
    quant->zero_point = {type.zero_point};
  }
  table->quantization = std::move(quant);
  return table;
}

Tensor tensor_of(const TensorType& type, const Values& values) {
  Tensor t(type);
  with_type(type.dtype, [&]<class T>() { write<T>(t, values); });
  return t;
}

Values values_of(const Tensor& tensor) {
  return with_type(tensor.dtype(), [&]<class T>() { return read<T>(tensor); });
}

Variables OneOp::run(std::span<const Variable> x) const {
  auto cache = std::make_shared<CallCache>();
  cache->where = where;
  return apply(*op, attributes, x, {.declared = declared, .cache = std::move(cache)});
}

OneOp read_back(std::string_view op, const Row& row, std::span<const Tensor> values,
                const std::vector<bool>& constant) {
  Builder builder;
  auto table = std::make_unique<tflite::OperatorT>();
  for (std::size_t i = 0; i < row.inputs.size(); ++i) {
    if (!row.has(i)) {
      table->inputs.push_back(-1);
      continue;
    }
    const std::int32_t at = builder.tensor(row.inputs[i].type, constant[i] ? &values[i] : nullptr,
                                           "in_" + std::to_string(i));
    table->inputs.push_back(at);
    if (!constant[i]) builder.graph().inputs.push_back(at);
  }
  for (std::size_t o = 0; o < row.outputs.size(); ++o) {
    table->outputs.push_back(
        builder.tensor(row.outputs[o].type, nullptr, "out_" + std::to_string(o)));
  }
  builder.graph().outputs = table->outputs;
  const std::vector<std::byte> bytes = builder.pack(code_of(op), std::move(table), row.options);

  const file::ModelFile model = file::load_bytes(bytes);
  const file::OperatorInfo& info = model.subgraphs[0].operators[0];
  OneOp call;
  call.op = ops::find(info.code);
  if (!call.op) fail(ErrorKind::unsupported, info.name, "not in the table of ops");
  call.where = file::operator_place(model, 0, 0);
  call.attributes = call.op->parse(info.options);
  for (std::size_t i = 0; i < info.inputs.size(); ++i) {
    if (info.inputs[i] < 0) {
      call.inputs.emplace_back();
    } else if (constant[i]) {
      call.inputs.push_back(model.constant(0, info.inputs[i]));
    } else {
      call.inputs.push_back(values[i].retyped(model.tensor(0, info.inputs[i]).type));
    }
  }
  for (const std::int32_t o : info.outputs) call.declared.push_back(model.tensor(0, o).type);
  return call;
}

}  // namespace hone::tests
