/// The state of an optimizer as bytes.  Little-endian:
///
///     "HONEOPT1"  name  steps u64  entries u64
///     per entry:  name  dtype u32  rank u32  dims i64...  scale f32  zero_point i32  axis i32
///                 axis_scales u64 f32...  data u64 bytes...  master u64 f32...  slots u64 (u64
/// f32...)...
///
/// where a name is its length, u64, and its bytes.

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include <hone/optim.h>

namespace hone {
namespace {

static_assert(std::endian::native == std::endian::little,
              "states are written as they lie in memory");

constexpr std::string_view magic = "HONEOPT1";

class Out {
 public:
  template <class T>
  void put(T value) {
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), raw, raw + sizeof value);
  }
  template <class T>
  void list(std::span<const T> values) {
    put<std::uint64_t>(values.size());
    const auto raw = std::as_bytes(values);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  void text(std::string_view s) { list(std::span(s.data(), s.size())); }

  std::vector<std::byte> bytes;
};

class In {
 public:
  explicit In(std::span<const std::byte> bytes) : rest_(bytes) {}

  std::span<const std::byte> take(std::size_t n) {
    if (n > rest_.size()) broken("it ends early");
    const auto head = rest_.first(n);
    rest_ = rest_.subspan(n);
    return head;
  }
  template <class T>
  T get() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  template <class T>
  std::vector<T> list() {
    const auto n = get<std::uint64_t>();
    if (n > rest_.size() / sizeof(T)) broken("it ends early");
    std::vector<T> values(n);
    const auto raw = take(n * sizeof(T));
    if (n != 0) std::memcpy(values.data(), raw.data(), raw.size());
    return values;
  }
  std::string text() {
    const auto chars = list<char>();
    return {chars.begin(), chars.end()};
  }
  bool empty() const noexcept { return rest_.empty(); }

  template <class... Parts>
  [[noreturn]] static void broken(const Parts&... parts) {
    fail(ErrorKind::data, "restore", "expected the state of this optimizer: ", parts...);
  }

 private:
  std::span<const std::byte> rest_;
};

void put(Out& out, const Tensor& data) {
  const TensorType& type = data.type();
  out.put(static_cast<std::uint32_t>(type.dtype));
  out.put(static_cast<std::uint32_t>(type.shape.rank()));
  for (const std::int64_t d : type.shape) out.put(d);
  out.put(type.scale);
  out.put(type.zero_point);
  out.put(static_cast<std::int32_t>(type.axis));
  out.list(type.axis_scales ? std::span<const float>(*type.axis_scales) : std::span<const float>{});
  out.list(std::span(data.raw(), data.bytes()));
}

/// The saved data; its type may differ from `now` in the scales only.
Tensor get(In& in, const TensorType& now, const std::string& name) {
  const auto dtype = static_cast<DType>(in.get<std::uint32_t>());
  const auto rank = in.get<std::uint32_t>();
  if (rank > Shape::max_rank) in.broken("\"", escaped(name), "\" has ", rank, " dimensions");
  std::vector<std::int64_t> dims(rank);
  for (std::int64_t& d : dims) d = in.get<std::int64_t>();
  TensorType type(dtype, Shape(std::span<const std::int64_t>(dims)), now);
  type.scale = in.get<float>();
  type.zero_point = in.get<std::int32_t>();
  type.axis = in.get<std::int32_t>();
  auto scales = in.list<float>();
  const std::size_t expected = now.axis_scales ? now.axis_scales->size() : 0;
  bool usable = type.scale >= 0 && std::isfinite(type.scale) && scales.size() == expected;
  for (const float s : scales) usable = usable && s >= 0 && std::isfinite(s);
  if (type.dtype != now.dtype || type.shape != now.shape || type.axis != now.axis ||
      type.zero_point != now.zero_point || !usable) {
    in.broken("\"", escaped(name), "\" is ", now, ", the state has ", type);
  }
  if (!scales.empty())
    type.axis_scales = std::make_shared<const std::vector<float>>(std::move(scales));
  const auto raw = in.list<std::byte>();
  if (raw.size() != type.bytes()) in.broken("\"", escaped(name), "\" has other sizes");
  Tensor data(type);
  if (!raw.empty()) std::memcpy(data.mutable_raw(), raw.data(), raw.size());
  return data;
}

}  // namespace

struct Optimizer::Saved {
  struct One {
    Tensor data;
    std::vector<float> master;
    std::vector<std::vector<float>> slots;
  };
  std::uint64_t steps = 0;
  std::vector<One> entries;
};

std::vector<std::byte> Optimizer::state() const {
  Out out;
  const auto raw = std::as_bytes(std::span(magic));
  out.bytes.assign(raw.begin(), raw.end());
  out.text(rule_->name);
  out.put(steps_);
  out.put<std::uint64_t>(entries_.size());
  for (const Entry& e : entries_) {
    out.text(e.parameter->name());
    put(out, e.parameter->tensor());
    const Tensor& master = e.parameter->master();
    out.list(master ? master.data<float>() : std::span<const float>{});
    out.put<std::uint64_t>(e.slots.size());
    for (const Tensor& s : e.slots) out.list(s.data<float>());
  }
  return std::move(out.bytes);
}

Optimizer::Saved Optimizer::parsed(std::span<const std::byte> state) const {
  In in(state);
  const auto head = in.take(magic.size());
  if (std::memcmp(head.data(), magic.data(), magic.size()) != 0) in.broken("other bytes");
  if (const std::string rule = in.text(); rule != rule_->name)
    in.broken("it is ", rule_->name, ", the state is of \"", escaped(rule), '"');
  Saved saved;
  saved.steps = in.get<std::uint64_t>();
  if (const auto n = in.get<std::uint64_t>(); n != entries_.size())
    in.broken("it has ", entries_.size(), " parameters, the state ", n);
  for (const Entry& e : entries_) {
    const std::string name = in.text();
    if (name != e.parameter->name()) {
      in.broken("it has \"", escaped(e.parameter->name()), "\", the state \"", escaped(name),
                "\" in its place");
    }
    Saved::One& one = saved.entries.emplace_back();
    one.data = get(in, e.parameter->tensor().type(), name);
    one.master = in.list<float>();
    if (one.master.size() != e.parameter->master().numel() * (e.parameter->master() ? 1 : 0))
      in.broken("\"", escaped(name), "\" is updated in another way");
    if (in.get<std::uint64_t>() != e.slots.size()) in.broken("other slots");
    for (const Tensor& s : e.slots) {
      one.slots.push_back(in.list<float>());
      if (one.slots.back().size() != s.numel()) in.broken("other sizes of slots");
    }
  }
  if (!in.empty()) in.broken("something follows it");
  return saved;
}

void Optimizer::restore(std::span<const std::byte> state) {
  const Saved saved = parsed(state);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& e = entries_[i];
    e.parameter->restore(saved.entries[i].data, saved.entries[i].master);
    e.parameter->clear_grad();
    for (std::size_t s = 0; s < e.slots.size(); ++s) {
      const auto& values = saved.entries[i].slots[s];
      std::copy(values.begin(), values.end(), e.slots[s].mutable_data<float>().begin());
    }
  }
  steps_ = saved.steps;
}

}  // namespace hone
