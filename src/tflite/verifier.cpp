#include "src/tflite/verifier.h"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "src/schema/tflite_generated.h"

namespace hone::file {
namespace {

void require(bool good, std::string_view where, const auto&... parts) {
  if (!good) fail(ErrorKind::file, where, parts...);
}

const tflite::Model* verify_flatbuffer(std::span<const std::byte> bytes, const Limits& limits,
                                       const std::string& where) {
  require(bytes.size() <= limits.file_bytes, where, "expected at most ", limits.file_bytes,
          " bytes, got ", bytes.size());
  require(bytes.size() >= 8, where, "expected a .tflite file, got ", bytes.size(), " bytes");
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  require(tflite::ModelBufferHasIdentifier(data), where, "expected the identifier TFL3, got \"",
          escaped({reinterpret_cast<const char*>(data) + 4, 4}), '"');
  // beyond 2 GB only buffers can lie, and those are checked one by one
  const std::size_t size = std::min(bytes.size(), std::size_t{FLATBUFFERS_MAX_BUFFER_SIZE - 1});
  flatbuffers::Verifier verifier(data, size, /*max_depth=*/64, /*max_tables=*/1'000'000);
  require(tflite::VerifyModelBuffer(verifier), where,
          "expected a well-formed FlatBuffer, got offsets or lengths that lead outside of the file"
          " (or more than 1000000 tables, or more than 64 levels)");
  return tflite::GetModel(data);
}

void verify_operator_codes(const Verification& v) {
  for (std::size_t i = 0; i < size_of(v.model->operator_codes()); ++i) {
    const auto& code = *v.model->operator_codes()->Get(static_cast<unsigned>(i));
    const std::string where = "operator code #" + std::to_string(i);
    const int builtin = builtin_code(code);
    require(builtin >= tflite::BuiltinOperator_MIN && builtin <= tflite::BuiltinOperator_MAX, where,
            "expected a builtin code up to ", int{tflite::BuiltinOperator_MAX}, ", got ", builtin);
    require(code.version() >= 1, where, "expected a version of at least 1, got ", code.version());
    require(builtin != tflite::BuiltinOperator_CUSTOM || code.custom_code(), where,
            "expected a custom code, got none");
    require(!code.custom_code() || code.custom_code()->size() <= v.limits.name_bytes, where,
            "expected a custom code of at most ", v.limits.name_bytes, " bytes");
  }
}

void verify_buffers(const Verification& v) {
  for (std::size_t i = 0; i < size_of(v.model->buffers()); ++i) {
    const auto* buffer = v.model->buffers()->Get(static_cast<unsigned>(i));
    require(buffer_bytes(v.bytes, buffer).has_value(), "buffer #" + std::to_string(i),
            "expected bytes inside the file of ", v.bytes.size(), ", got offset ", buffer->offset(),
            " and size ", buffer->size());
  }
}

void verify_external_buffers(const Verification& v) {
  const std::size_t groups = size_of(v.model->external_buffer_groups());
  for (std::size_t i = 0; i < groups; ++i) {
    const auto* name = v.model->external_buffer_groups()->Get(static_cast<unsigned>(i))->name();
    const std::string where = "external buffer group #" + std::to_string(i);
    require(name, where, "expected a file name, got none");
    const std::string_view path = name->string_view();
    require(path.size() <= v.limits.name_bytes && path.find_first_of("/\\") == path.npos &&
                path != "..",
            where, "expected the name of a file in the model's folder, got \"", escaped(path), '"');
  }
  for (std::size_t i = 0; i < size_of(v.model->external_buffers()); ++i) {
    const auto* buffer = v.model->external_buffers()->Get(static_cast<unsigned>(i));
    const std::string where = "external buffer #" + std::to_string(i);
    require(buffer->group() < groups, where, "expected a group below ", groups, ", got ",
            buffer->group());
    require(buffer->length() <= ~buffer->offset(), where,
            "expected offset and length below 2^64, got ", buffer->offset(), " and ",
            buffer->length());
  }
}

// Enumerations among the options, by reflection: a value outside of its enumeration would reach a
// switch in an op.
void verify_enumerations(const flatbuffers::Table& options, const flatbuffers::TypeTable& type,
                         const std::string& where) {
  for (std::size_t i = 0; i < type.num_elems; ++i) {
    const flatbuffers::TypeCode code = type.type_codes[i];
    if (code.sequence_ref < 0 || code.is_repeating) continue;
    const flatbuffers::TypeTable& of = *type.type_refs[code.sequence_ref]();
    const auto* field = options.GetAddressOf(
        flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i)));
    if (of.st != flatbuffers::ST_ENUM || !field) continue;
    const bool byte = code.base_type == flatbuffers::ET_CHAR;
    const std::int64_t value = byte ? std::int64_t{flatbuffers::ReadScalar<std::int8_t>(field)}
                                    : flatbuffers::ReadScalar<std::int32_t>(field);
    const std::int64_t count = static_cast<std::int64_t>(of.num_elems);
    const bool known = of.values
                           ? std::find(of.values, of.values + count, value) != of.values + count
                           : value >= 0 && value < count;
    require(known, where, "expected ", type.names[i], " to be one of ", count, " values, got ",
            value);
  }
}

// `tag` and the value of a union must both be there, or neither.
void verify_union(int tag, int tags, const void* value, const flatbuffers::TypeTable& type,
                  const std::string& where) {
  require(tag >= 0 && tag <= tags, where, "expected options with a tag up to ", tags, ", got ",
          tag);
  require((tag != 0) == (value != nullptr), where, "expected options with their tag, got tag ", tag,
          value ? " with a table" : " without a table");
  if (tag == 0) return;
  const auto& table = *type.type_refs[type.type_codes[tag].sequence_ref]();
  verify_enumerations(*static_cast<const flatbuffers::Table*>(value), table, where);
}

void verify_options(const Verification& v, const tflite::Operator& op, const std::string& where) {
  verify_union(op.builtin_options_type(), tflite::BuiltinOptions_MAX, op.builtin_options(),
               *tflite::BuiltinOptionsTypeTable(), where);
  verify_union(op.builtin_options_2_type(), tflite::BuiltinOptions2_MAX, op.builtin_options_2(),
               *tflite::BuiltinOptions2TypeTable(), where);
  require(!op.builtin_options() || !op.builtin_options_2(), where,
          "expected options of one union, got both");
  require(op.custom_options_format() == tflite::CustomOptionsFormat_FLEXBUFFERS, where,
          "expected custom options in format 0, got ", int{op.custom_options_format()});
  const std::uint64_t offset = op.large_custom_options_offset(),
                      size = op.large_custom_options_size();
  require(offset <= 1 || (size <= v.bytes.size() && offset <= v.bytes.size() - size), where,
          "expected custom options inside the file of ", v.bytes.size(), " bytes, got offset ",
          offset, " and size ", size);
}

void verify_indices(std::span<const std::int32_t> indices, std::size_t tensors, bool optional,
                    std::string_view what, const std::string& where) {
  for (const std::int32_t index : indices) {
    require((index >= 0 && static_cast<std::size_t>(index) < tensors) || (index == -1 && optional),
            where, "expected ", what, " below ", tensors, ", got ", index);
  }
}

// Where the value of a tensor comes from.
enum class Origin : std::uint8_t { nowhere, file, variable, input, produced };

std::vector<Origin> origins(const Verification& v, const tflite::SubGraph& graph) {
  std::vector<Origin> result(graph.tensors()->size(), Origin::nowhere);
  for (unsigned i = 0; i < graph.tensors()->size(); ++i) {
    const auto* tensor = graph.tensors()->Get(i);
    const auto data = buffer_bytes(v.bytes, v.model->buffers()->Get(tensor->buffer()));
    if (tensor->is_variable())
      result[i] = Origin::variable;
    else if (!data->empty() || tensor->external_buffer() != 0)
      result[i] = Origin::file;
  }
  for (const std::int32_t i : items(graph.inputs())) {
    auto& origin = result[static_cast<std::size_t>(i)];
    if (origin == Origin::nowhere) origin = Origin::input;
  }
  return result;
}

// A tensor without elements has nothing that could be unset.
bool empty(const tflite::Tensor& tensor) {
  const auto shape = items(tensor.shape());
  return std::find(shape.begin(), shape.end(), 0) != shape.end();
}

void verify_order(const Verification& v, std::size_t subgraph) {
  static constexpr std::string_view names[] = {"nothing", "a constant", "a variable",
                                               "an input of the graph", "the output of another"};
  const auto& graph = *v.model->subgraphs()->Get(static_cast<unsigned>(subgraph));
  std::vector<Origin> origin = origins(v, graph);
  const auto require_value = [&](std::int32_t index, const auto& where) {
    const auto i = static_cast<std::size_t>(index);
    if (origin[i] == Origin::nowhere && !empty(*graph.tensors()->Get(static_cast<unsigned>(i)))) {
      fail(ErrorKind::file, where(), "expected a value of ", tensor_place(*v.model, subgraph, i),
           " by now, got none: no earlier operator, constant or input makes it");
    }
  };
  for (std::size_t k = 0; k < size_of(graph.operators()); ++k) {
    const auto& op = *graph.operators()->Get(static_cast<unsigned>(k));
    const auto where = [&] { return operator_place(*v.model, subgraph, k); };
    const auto in = items(op.inputs());
    for (const std::int32_t i : in) {
      if (i >= 0) require_value(i, where);
    }
    const bool custom = builtin_code(*v.model->operator_codes()->Get(op.opcode_index())) ==
                        tflite::BuiltinOperator_CUSTOM;
    for (const std::int32_t i : items(op.outputs())) {
      Origin& from = origin[static_cast<std::size_t>(i)];
      if (from == Origin::nowhere) {
        from = Origin::produced;
      } else if (!custom) {  // a custom operator may work in place
        fail(ErrorKind::file, where(), "expected to be the only source of ",
             tensor_place(*v.model, subgraph, static_cast<std::size_t>(i)), ", which is ",
             names[static_cast<std::size_t>(from)]);
      }
    }
  }
  for (const std::int32_t i : items(graph.outputs())) {
    require_value(i, [&] { return "outputs of subgraph #" + std::to_string(subgraph); });
  }
}

void verify_operators(const Verification& v, std::size_t subgraph) {
  const auto& graph = *v.model->subgraphs()->Get(static_cast<unsigned>(subgraph));
  const std::size_t tensors = graph.tensors()->size(), codes = size_of(v.model->operator_codes());
  for (std::size_t k = 0; k < size_of(graph.operators()); ++k) {
    const auto& op = *graph.operators()->Get(static_cast<unsigned>(k));
    require(op.opcode_index() < codes, "operator #" + std::to_string(k),
            "expected an operator code below ", codes, ", got ", op.opcode_index());
    const std::string where = operator_place(*v.model, subgraph, k);
    verify_indices(items(op.inputs()), tensors, true, "input tensors", where);
    verify_indices(items(op.outputs()), tensors, false, "output tensors", where);
    verify_indices(items(op.intermediates()), tensors, true, "intermediate tensors", where);
    verify_options(v, op, where);
  }
}

void verify_subgraphs(const Verification& v) {
  const std::size_t count = size_of(v.model->subgraphs());
  require(count >= 1 && count <= v.limits.subgraphs, "model", "expected 1 to ", v.limits.subgraphs,
          " subgraphs, got ", count);
  std::size_t tensors = 0, operators = 0;
  for (std::size_t s = 0; s < count; ++s) {
    const auto& graph = *v.model->subgraphs()->Get(static_cast<unsigned>(s));
    const std::string where = "subgraph #" + std::to_string(s);
    require(graph.tensors(), where, "expected tensors, got none");
    tensors += graph.tensors()->size();
    operators += size_of(graph.operators());
    require(tensors <= v.limits.tensors, where, "expected at most ", v.limits.tensors,
            " tensors, got ", tensors);
    require(operators <= v.limits.operators, where, "expected at most ", v.limits.operators,
            " operators, got ", operators);
    require(!graph.name() || graph.name()->size() <= v.limits.name_bytes, where,
            "expected a name of at most ", v.limits.name_bytes, " bytes");
    verify_tensors(v, s);
    verify_indices(items(graph.inputs()), graph.tensors()->size(), false, "input tensors", where);
    verify_indices(items(graph.outputs()), graph.tensors()->size(), false, "output tensors", where);
    verify_operators(v, s);
    verify_order(v, s);
  }
}

void verify_signatures(const Verification& v) {
  for (std::size_t i = 0; i < size_of(v.model->signature_defs()); ++i) {
    const auto& signature = *v.model->signature_defs()->Get(static_cast<unsigned>(i));
    const std::string where = "signature #" + std::to_string(i);
    require(signature.signature_key(), where, "expected a key, got none");
    require(signature.subgraph_index() < v.model->subgraphs()->size(), where,
            "expected a subgraph below ", v.model->subgraphs()->size(), ", got ",
            signature.subgraph_index());
    const auto tensors = v.model->subgraphs()->Get(signature.subgraph_index())->tensors()->size();
    for (const auto* maps : {signature.inputs(), signature.outputs()}) {
      for (std::size_t k = 0; k < size_of(maps); ++k) {
        const auto* map = maps->Get(static_cast<unsigned>(k));
        require(map->name(), where, "expected a name for every tensor, got none");
        require(map->tensor_index() < tensors, where, "expected tensors below ", tensors, ", got ",
                map->tensor_index());
      }
    }
  }
}

void verify_metadata(const Verification& v) {
  for (std::size_t i = 0; i < size_of(v.model->metadata()); ++i) {
    const auto& entry = *v.model->metadata()->Get(static_cast<unsigned>(i));
    const std::string where = "metadata #" + std::to_string(i);
    require(entry.name(), where, "expected a name, got none");
    require(entry.buffer() < size_of(v.model->buffers()), where, "expected a buffer below ",
            size_of(v.model->buffers()), ", got ", entry.buffer());
  }
}

std::string subgraph_prefix(std::size_t subgraph) {
  return subgraph == 0 ? "" : "subgraph #" + std::to_string(subgraph) + " ";
}

}  // namespace

std::optional<std::span<const std::byte>> buffer_bytes(std::span<const std::byte> file,
                                                       const tflite::Buffer* buffer) {
  if (buffer->data() && buffer->data()->size() > 0) {
    return std::as_bytes(std::span(buffer->data()->data(), buffer->data()->size()));
  }
  if (buffer->offset() <= 1)
    return std::span<const std::byte>{};  // 1: a place holder of the exporter
  if (buffer->size() > file.size() || buffer->offset() > file.size() - buffer->size()) return {};
  return file.subspan(static_cast<std::size_t>(buffer->offset()),
                      static_cast<std::size_t>(buffer->size()));
}

int builtin_code(const tflite::OperatorCode& code) {
  return std::max(int{code.builtin_code()}, int{code.deprecated_builtin_code()});
}

std::string operator_name(const tflite::OperatorCode& code) {
  const int builtin = builtin_code(code);
  if (builtin == tflite::BuiltinOperator_CUSTOM) return escaped(code.custom_code()->string_view());
  return tflite::EnumNameBuiltinOperator(static_cast<tflite::BuiltinOperator>(builtin));
}

std::string tensor_place(const tflite::Model& model, std::size_t subgraph, std::size_t index) {
  const auto* tensor = model.subgraphs()
                           ->Get(static_cast<unsigned>(subgraph))
                           ->tensors()
                           ->Get(static_cast<unsigned>(index));
  std::string place = subgraph_prefix(subgraph) + "tensor #" + std::to_string(index);
  if (tensor->name()) place += " \"" + escaped(tensor->name()->string_view()) + '"';
  return place;
}

std::string operator_place(const tflite::Model& model, std::size_t subgraph, std::size_t index) {
  const auto* op = model.subgraphs()
                       ->Get(static_cast<unsigned>(subgraph))
                       ->operators()
                       ->Get(static_cast<unsigned>(index));
  return subgraph_prefix(subgraph) + "operator #" + std::to_string(index) + ' ' +
         operator_name(*model.operator_codes()->Get(op->opcode_index()));
}

const tflite::Model* verify(std::span<const std::byte> bytes, const Limits& limits,
                            const std::string& source, std::vector<std::string>& warnings) {
  const Verification v{verify_flatbuffer(bytes, limits, source), bytes, limits, warnings};
  require(v.model->version() == 3, source, "expected version 3 of the format, got ",
          v.model->version());
  verify_buffers(v);
  verify_external_buffers(v);
  verify_operator_codes(v);
  verify_subgraphs(v);
  verify_calls(v);
  verify_signatures(v);
  verify_metadata(v);
  return v.model;
}

}  // namespace hone::file
