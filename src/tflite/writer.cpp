#include "src/tflite/writer.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <hone/error.h>

#include "src/schema/tflite_generated.h"
#include "src/tflite/archive.h"
#include "src/tflite/atomic_file.h"
#include "src/tflite/packed.h"
#include "src/tflite/splice.h"
#include "src/tflite/verifier.h"

namespace hone::file {
namespace {

using Place = Splice::Place;

const flatbuffers::Table& table_of(const void* table) {
  return *static_cast<const flatbuffers::Table*>(table);
}

// Rewritten tables keep only the fields that the schema has.
void require_known(const void* table, unsigned fields, const std::string& where) {
  const auto& t = table_of(table);
  const auto vtable_bytes = flatbuffers::ReadScalar<flatbuffers::voffset_t>(t.GetVTable());
  if (vtable_bytes > 4 + 2 * fields) {
    fail(ErrorKind::unsupported, where, "expected at most ", fields,
         " fields where this change adds something, got a newer version of the format");
  }
}

std::size_t count_of(const QuantParams& q) {
  return q.per_axis() ? q.axis_scales->size() : (q.quantized() ? 1 : 0);
}

std::int32_t zero_point_at(const QuantParams& q, std::size_t i) {
  if (!q.per_axis()) return q.zero_point;
  return q.axis_zero_points ? (*q.axis_zero_points)[i] : 0;
}

class Writer {
 public:
  explicit Writer(const ModelFile& file) : file_(file), splice_(file.bytes) {}

  void edit(const std::vector<Edit>& edits);
  void untie(const Untie& untie);
  void set_metadata(const MetadataEdit& edit);
  std::vector<std::byte> finish();

 private:
  void require_fits(const TensorInfo& t, const Tensor& values, const std::string& where) const;
  bool shared(const Edit& edit,
              const std::map<const TensorInfo*, std::vector<std::byte>>& packed) const;
  bool rewrite_scales(const TensorInfo& t, const QuantParams& q);
  bool owns_scales(const TensorInfo& t) const;
  std::uint32_t add_buffer(std::span<const std::byte> bytes);
  Place add_tensor(const tflite::Tensor& like, const QuantParams& q,
                   std::optional<std::uint32_t> buffer, const std::string* name);
  void replace_tensor(std::size_t subgraph, std::size_t index, Place place);
  std::vector<Place> lift(const void* table, unsigned fields, unsigned number,
                          std::optional<unsigned> added, const std::string& where);
  void put_vector(Place field, const std::vector<Place>& elements);
  void extend_subgraphs(Place field);
  std::vector<Place> places(const auto* vector) const;

  const ModelFile& file_;
  Splice splice_;
  std::vector<Place> new_buffers_;
  std::map<std::size_t, std::vector<Place>> new_tensors_;                  // by subgraph
  std::map<std::pair<std::size_t, std::size_t>, Place> replaced_tensors_;  // by subgraph, index
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::int32_t>> inputs_;  // by operator
  std::vector<Place> new_metadata_;
  std::map<std::size_t, Place> replaced_metadata_;
};

void Writer::require_fits(const TensorInfo& t, const Tensor& values,
                          const std::string& where) const {
  if (!t.constant) fail(ErrorKind::argument, where, "expected a constant to change, got none");
  if (!t.unsupported.empty() || t.sparse) {
    fail(ErrorKind::unsupported, where, "expected a dense constant that hone can write, but ",
         t.sparse ? "it is sparse" : t.unsupported);
  }
  if (values.dtype() != t.type.dtype || values.shape() != t.type.shape) {
    fail(ErrorKind::argument, where, "expected values of type ", t.type, ", got ", values.type());
  }
  const QuantParams& q = values.type();
  const std::int64_t channels =
      q.per_axis() && q.axis >= 0 && static_cast<std::size_t>(q.axis) < t.type.shape.rank()
          ? t.type.shape[static_cast<std::size_t>(q.axis)]
          : 1;
  if (count_of(q) > 1 && static_cast<std::int64_t>(count_of(q)) != channels) {
    fail(ErrorKind::argument, where, "expected ", channels, " scales, got ", count_of(q));
  }
  if (t.details != QuantDetails::affine && q.quantized()) {
    fail(ErrorKind::argument, where, "expected no scales for a tensor quantized in blocks");
  }
}

// Whether the bytes of the constant are also those of something that does not become the same.
bool Writer::shared(const Edit& edit,
                    const std::map<const TensorInfo*, std::vector<std::byte>>& packed) const {
  const TensorInfo& t = file_.tensor(edit.subgraph, edit.tensor);
  const std::byte *begin = t.data.data(), *end = begin + t.data.size();
  const auto overlaps = [&](std::span<const std::byte> other) {
    return other.data() < end && begin < other.data() + other.size();
  };
  for (const Subgraph& graph : file_.subgraphs) {
    for (const TensorInfo& other : graph.tensors) {
      if (&other == &t || !overlaps(other.data)) continue;
      const auto its = packed.find(&other);
      if (its == packed.end() || other.data.data() != begin || its->second != packed.at(&t)) {
        return true;
      }
    }
  }
  return std::any_of(file_.metadata.begin(), file_.metadata.end(),
                     [&](const Metadata& m) { return overlaps(m.bytes); });
}

bool Writer::owns_scales(const TensorInfo& t) const {
  const auto* q = t.table->quantization();
  for (const Subgraph& graph : file_.subgraphs) {
    for (const TensorInfo& other : graph.tensors) {
      const auto* r = other.table->quantization();
      if (&other == &t || !r) continue;
      if (r == q || r->scale() == q->scale() ||
          (r->zero_point() && r->zero_point() == q->zero_point())) {
        return false;
      }
    }
  }
  return true;
}

// Scales and zero points in place, where there is room for exactly these and they are nobody
// else's.
bool Writer::rewrite_scales(const TensorInfo& t, const QuantParams& q) {
  const auto* old = t.table->quantization();
  const std::size_t count = count_of(q);
  if (!old || count == 0 || size_of(old->scale()) != count || size_of(old->zero_point()) != count ||
      (count > 1 && old->quantized_dimension() != q.axis) || !owns_scales(t)) {
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const float scale = q.scale_at(i);
    const std::int64_t zero_point = zero_point_at(q, i);
    std::memcpy(splice_.edit(old->scale()->Data() + i * sizeof scale), &scale, sizeof scale);
    std::memcpy(splice_.edit(old->zero_point()->Data() + i * sizeof zero_point), &zero_point,
                sizeof zero_point);
  }
  return true;
}

std::uint32_t Writer::add_buffer(std::span<const std::byte> bytes) {
  flatbuffers::FlatBufferBuilder builder(bytes.size() + 64);
  builder.ForceVectorAlignment(bytes.size(), 1, 16);
  const auto data =
      builder.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  builder.Finish(tflite::CreateBuffer(builder, data));
  new_buffers_.push_back(splice_.append(builder));
  return static_cast<std::uint32_t>(size_of(file_.model->buffers()) + new_buffers_.size() - 1);
}

Place Writer::add_tensor(const tflite::Tensor& like, const QuantParams& q,
                         std::optional<std::uint32_t> buffer, const std::string* name) {
  require_known(&like, 11, "tensor");
  tflite::TensorT tensor;
  like.UnPackTo(&tensor);
  if (buffer) tensor.buffer = *buffer;
  if (name) tensor.name = *name;
  if (q.quantized()) {
    if (!tensor.quantization)
      tensor.quantization = std::make_unique<tflite::QuantizationParametersT>();
    auto& params = *tensor.quantization;
    params.scale.clear();
    params.zero_point.clear();
    params.quantized_dimension = q.per_axis() ? q.axis : 0;
    for (std::size_t i = 0; i < count_of(q); ++i) {
      params.scale.push_back(q.scale_at(i));
      params.zero_point.push_back(zero_point_at(q, i));
    }
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(tflite::Tensor::Pack(builder, &tensor));
  return splice_.append(builder);
}

void Writer::edit(const std::vector<Edit>& edits) {
  std::map<const TensorInfo*, std::vector<std::byte>> packed;
  for (const Edit& e : edits) {
    if (e.subgraph >= file_.subgraphs.size() || e.tensor < 0 ||
        static_cast<std::size_t>(e.tensor) >= file_.subgraphs[e.subgraph].tensors.size()) {
      fail(ErrorKind::argument, "save", "expected a tensor of the file, got #", e.tensor,
           " of subgraph #", e.subgraph);
    }
    const TensorInfo& t = file_.tensor(e.subgraph, e.tensor);
    require_fits(t, e.values, tensor_place(file_, e.subgraph, e.tensor));
    auto bytes = pack(e.values.dtype(), {e.values.raw(), e.values.bytes()});
    if (!packed.emplace(&t, std::move(bytes)).second) {
      fail(ErrorKind::argument, tensor_place(file_, e.subgraph, e.tensor),
           "expected one change of a tensor, got two");
    }
  }
  for (const Edit& e : edits) {
    const TensorInfo& t = file_.tensor(e.subgraph, e.tensor);
    const auto& bytes = packed.at(&t);
    std::optional<std::uint32_t> buffer;
    if (!std::equal(bytes.begin(), bytes.end(), t.data.begin())) {
      if (shared(e, packed))
        buffer = add_buffer(bytes);
      else
        std::copy(bytes.begin(), bytes.end(), splice_.edit(t.data.data()));
    }
    const QuantParams& q = e.values.type();
    const bool rescaled = q.quantized() && !(q == static_cast<const QuantParams&>(t.type));
    const bool in_place = !rescaled || rewrite_scales(t, q);
    if (in_place && !buffer) continue;
    replace_tensor(e.subgraph, static_cast<std::size_t>(e.tensor),
                   add_tensor(*t.table, q, buffer, nullptr));
  }
}

void Writer::replace_tensor(std::size_t subgraph, std::size_t index, Place place) {
  const auto* tensors = file_.model->subgraphs()->Get(static_cast<unsigned>(subgraph))->tensors();
  splice_.point(splice_.place(tensors->Data() + 4 * index), place);
  replaced_tensors_[{subgraph, index}] = place;
}

void Writer::untie(const Untie& untie) {
  if (untie.subgraph >= file_.subgraphs.size() ||
      untie.op >= file_.subgraphs[untie.subgraph].operators.size() ||
      untie.slot >= file_.subgraphs[untie.subgraph].operators[untie.op].inputs.size()) {
    fail(ErrorKind::argument, "save", "expected an input of an operator of the file, got #",
         untie.slot, " of operator #", untie.op, " of subgraph #", untie.subgraph);
  }
  const auto& graph = *file_.model->subgraphs()->Get(static_cast<unsigned>(untie.subgraph));
  auto& added = new_tensors_[untie.subgraph];
  const auto& old_inputs = file_.subgraphs[untie.subgraph].operators[untie.op].inputs;
  auto& inputs = inputs_.try_emplace({untie.subgraph, untie.op}, old_inputs).first->second;
  const std::string where = operator_place(file_, untie.subgraph, untie.op);
  if (old_inputs[untie.slot] < 0) fail(ErrorKind::argument, where, "expected an input, got none");
  const TensorInfo& t = file_.tensor(untie.subgraph, old_inputs[untie.slot]);
  require_fits(t, untie.values, where);
  const auto buffer =
      add_buffer(pack(untie.values.dtype(), {untie.values.raw(), untie.values.bytes()}));
  added.push_back(add_tensor(*t.table, untie.values.type(), buffer, &untie.name));
  inputs[untie.slot] = static_cast<std::int32_t>(graph.tensors()->size() + added.size() - 1);
}

void Writer::set_metadata(const MetadataEdit& edit) {
  const std::uint32_t buffer = add_buffer(edit.bytes);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(tflite::CreateMetadata(builder, builder.CreateString(edit.name), buffer));
  const Place place = splice_.append(builder);
  const auto old = std::find_if(file_.metadata.begin(), file_.metadata.end(),
                                [&](const Metadata& m) { return m.name == edit.name; });
  if (old == file_.metadata.end()) {
    new_metadata_.push_back(place);
    return;
  }
  const auto index = static_cast<std::size_t>(old - file_.metadata.begin());
  splice_.point(splice_.place(file_.model->metadata()->Data() + 4 * index), place);
  replaced_metadata_[index] = place;
}

std::vector<Place> Writer::places(const auto* vector) const {
  std::vector<Place> result;
  for (unsigned i = 0; i < size_of(vector); ++i) result.push_back(splice_.place(vector->Get(i)));
  return result;
}

// A copy of a table in front that points to the same children.  All its fields have 4 bytes; all
// but `number` are offsets.  Returns what front_table does.
std::vector<Place> Writer::lift(const void* table, unsigned fields, unsigned number,
                                std::optional<unsigned> added, const std::string& where) {
  require_known(table, fields, where);
  std::vector<std::optional<std::uint32_t>> words(fields);
  const auto field = [&](unsigned i) {
    return table_of(table).GetAddressOf(
        flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i)));
  };
  for (unsigned i = 0; i < fields; ++i) {
    if (field(i)) words[i] = flatbuffers::ReadScalar<std::uint32_t>(field(i));
  }
  if (added && !words[*added]) words[*added] = 0;
  const auto places = splice_.front_table(words);
  for (unsigned i = 0; i < fields; ++i) {
    if (i != number && field(i)) {
      splice_.point(places[i + 1], splice_.place(field(i) + *words[i]));
    }
  }
  return places;
}

void Writer::put_vector(Place field, const std::vector<Place>& elements) {
  const auto places = splice_.front_vector(elements.size());
  splice_.point(field, places[0]);
  for (std::size_t i = 0; i < elements.size(); ++i) splice_.point(places[i + 1], elements[i]);
}

void Writer::extend_subgraphs(Place field) {
  const auto graphs = places(file_.model->subgraphs());
  const auto vector = splice_.front_vector(graphs.size());
  splice_.point(field, vector[0]);
  for (std::size_t s = 0; s < graphs.size(); ++s) splice_.point(vector[s + 1], graphs[s]);
  for (const auto& [s, added] : new_tensors_) {
    const auto& graph = *file_.model->subgraphs()->Get(static_cast<unsigned>(s));
    const auto table = lift(&graph, 6, 5, {}, "subgraph");
    splice_.point(vector[s + 1], table[0]);
    auto tensors = places(graph.tensors());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto replaced = replaced_tensors_.find({s, i});
      if (replaced != replaced_tensors_.end()) tensors[i] = replaced->second;
    }
    tensors.insert(tensors.end(), added.begin(), added.end());
    put_vector(table[1], tensors);
  }
}

std::vector<std::byte> Writer::finish() {
  const auto& model = *file_.model;
  for (const auto& [key, inputs] : inputs_) {
    const auto* op = model.subgraphs()
                         ->Get(static_cast<unsigned>(key.first))
                         ->operators()
                         ->Get(static_cast<unsigned>(key.second));
    flatbuffers::FlatBufferBuilder builder;  // its root is a vector here, not a table
    builder.Finish(flatbuffers::Offset<tflite::Int32Vector>(builder.CreateVector(inputs).o));
    splice_.point(splice_.place(table_of(op).GetAddressOf(tflite::Operator::VT_INPUTS)),
                  splice_.append(builder));
  }
  if (!new_buffers_.empty()) {  // else every vector keeps its length
    constexpr unsigned subgraphs = 2, buffers = 4, metadata = 6;
    std::optional<unsigned> added;
    if (!new_metadata_.empty()) added = metadata;
    const auto root = lift(&model, 10, 0, added, "model");
    splice_.set_root(root[0]);
    auto elements = places(model.buffers());
    elements.insert(elements.end(), new_buffers_.begin(), new_buffers_.end());
    put_vector(root[buffers + 1], elements);
    if (added) {
      elements = places(model.metadata());
      for (const auto& [i, place] : replaced_metadata_) elements[i] = place;
      elements.insert(elements.end(), new_metadata_.begin(), new_metadata_.end());
      put_vector(root[metadata + 1], elements);
    }
    if (!new_tensors_.empty()) extend_subgraphs(root[subgraphs + 1]);
  }
  return splice_.assemble();
}

void require_verified(std::span<const std::byte> bytes, const ModelFile& file) {
  std::vector<std::string> warnings;
  verify(bytes, file.limits, file.source, warnings);
}

}  // namespace

std::vector<std::byte> apply(const ModelFile& file, const Changes& changes) {
  Writer writer(file);
  writer.edit(changes.edits);
  for (const Untie& untie : changes.unties) writer.untie(untie);
  for (const MetadataEdit& edit : changes.metadata) writer.set_metadata(edit);
  auto bytes = writer.finish();
  require_verified(bytes, file);
  return bytes;
}

std::unique_ptr<tflite::ModelT> unpack(const ModelFile& file) {
  std::unique_ptr<tflite::ModelT> model(file.model->UnPack());
  const auto copy = [](std::span<const std::byte> bytes) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    return std::vector<std::uint8_t>(data, data + bytes.size());
  };
  for (unsigned i = 0; i < model->buffers.size(); ++i) {
    auto& buffer = *model->buffers[i];
    if (buffer.offset <= 1) continue;
    buffer.data = copy(*buffer_bytes(file.bytes, file.model->buffers()->Get(i)));
    buffer.offset = buffer.size = 0;
  }
  for (std::size_t s = 0; s < model->subgraphs.size(); ++s) {
    for (std::size_t k = 0; k < model->subgraphs[s]->operators.size(); ++k) {
      auto& op = *model->subgraphs[s]->operators[k];
      if (op.large_custom_options_offset <= 1) continue;
      op.custom_options = copy(file.subgraphs[s].operators[k].options.custom());
      op.large_custom_options_offset = op.large_custom_options_size = 0;
    }
  }
  return model;
}

std::vector<std::byte> pack(const tflite::ModelT& model, const ModelFile& original) {
  flatbuffers::FlatBufferBuilder builder;
  tflite::FinishModelBuffer(builder, tflite::Model::Pack(builder, &model));
  const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  std::vector<std::byte> bytes(data, data + builder.GetSize());
  const std::size_t archive = archive_start(original.bytes);
  if (archive < original.bytes.size()) {
    bytes.resize((bytes.size() + 15) / 16 * 16);
    // offsets in an archive only grow, so it must not move towards the front
    if (bytes.size() < archive) bytes.resize(archive);
    const std::size_t start = bytes.size();
    bytes.insert(bytes.end(), original.bytes.begin() + static_cast<std::ptrdiff_t>(archive),
                 original.bytes.end());
    move_archive(bytes, start - archive);
  }
  require_verified(bytes, original);
  return bytes;
}

void write_atomically(const std::string& path, std::span<const std::byte> bytes) {
  const std::span<const std::byte> pieces[] = {bytes};
  write_file(path, pieces);
}

}  // namespace hone::file
