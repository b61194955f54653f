#pragma once
/// The op contract.  An op is a struct of static functions; define<T>() turns it into one constant
/// OpDef.  What the struct lacks, the op lacks: no `backward`, no gradient; no `code`, not in the
/// file format.
///
///     struct Attributes {};           what parse reads; a member `Activation activation` is fused
///     struct Plan {};                 what prepare computes, once per call shape
///     name, code, dtypes, arity, saves, reads, packs, weights, bias,
///     broadcasts, moves, views, passes, normalizes, accumulates, overwrites          see OpDef
///     parse(options) -> Attributes              may throw
///     infer(attributes, call) -> TensorType(s)  may throw; types of the outputs
///     prepare(attributes, call) -> Plan         may throw; multipliers, tables, sizes
///     check(attributes, call)                   may throw; before every forward: indices, divisors
///     scratch_bytes(attributes, plan, call), backward_scratch_bytes(same)
///     packed_bytes(attributes, plan, call)      of the inputs of `packs` in the kernel's order
///     pack(attributes, plan, forward)           noexcept; writes forward.packed, when they changed
///     forward<T>(attributes, plan, forward)     noexcept, allocates nothing
///     backward(attributes, plan, backward)      noexcept, allocates nothing, float only
///     operations(inputs, outputs) -> double     of tensors of those types: multiplications and
///                                               additions of a forward, or of the gradient of one
///                                               of the first two inputs; where they are most of it
///     splits(plan)                              noexcept; backward takes some rows of weights at a
///                                               time: see Backward::rows
///
/// Around it, once for all ops, autograd does: checks of dtype and arity, un-broadcasting, the mask
/// of fused activations and of saturated integers (straight-through), dequantization of what was
/// saved, summing at branches.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <hone/tensor.h>

namespace hone {

class Options;  // the options of an operator in a file; src/schema/options.h

/// Fused activations; the numbers are those of the file format.  tanh and sign_bit are not applied,
/// as in LiteRT.
enum class Activation : std::uint8_t {
  none = 0,
  relu = 1,
  relu_n1_to_1 = 2,
  relu6 = 3,
  tanh = 4,
  sign_bit = 5
};

/// Lowest and highest value that passes; minus and plus infinity for none.
std::pair<float, float> range_of(Activation activation) noexcept;
/// The same in units of an output: the limits of its type, tightened by the activation.
/// quantization spec: zero_point + round_half_away(limit / scale), in float.
std::pair<std::int32_t, std::int32_t> quantized_range(Activation activation,
                                                      const TensorType& output) noexcept;

/// Some of the inputs (or outputs) of an op, by position.
struct Slots {
  std::uint32_t bits = 0;
  static constexpr Slots none() { return {0}; }
  static constexpr Slots all() { return {~0u}; }
  static constexpr Slots of(std::initializer_list<unsigned> positions) {
    Slots s;
    for (const unsigned i : positions) s.bits |= 1u << i;
    return s;
  }
  constexpr bool has(std::size_t i) const noexcept { return (bits >> (i < 31 ? i : 31) & 1u) != 0; }
};

/// What forward leaves for backward.  Prefer inputs (exact in int8) to outputs (rounded).
struct Saves {
  Slots in, out;
  /// Input i is needed only for the gradients of the other inputs, as in a product.
  bool crosswise = false;

  static const Saves nothing, inputs, outputs, others;
  /// Just these inputs: `Saves::only({1})`.
  static constexpr Saves only(std::initializer_list<unsigned> positions) {
    return {Slots::of(positions), {}, false};
  }
};
inline constexpr Saves Saves::nothing{};
inline constexpr Saves Saves::inputs{Slots::all(), {}, false};
inline constexpr Saves Saves::outputs{{}, Slots::all(), false};
inline constexpr Saves Saves::others{Slots::all(), {}, true};

/// How many inputs; those from `least` on are optional (absent ones have dtype none).
struct Arity {
  std::size_t least = 1, most = 1;
  static constexpr std::size_t any = static_cast<std::size_t>(-1);
};

/// The element types of the input that decides which kernel runs: input `dtype_input` (0 unless the
/// op says otherwise).
template <class... T>
struct Dtypes {};

/// One call before it runs: what infer, prepare and check may look at.
struct Call {
  std::string_view op;                 ///< "CONV_2D"
  std::string_view where;              ///< `CONV_2D #12 "block_3/conv"`, for messages
  std::span<const TensorType> inputs;  ///< dtype none where an optional input was left out
  std::span<const TensorType>
      outputs;  ///< infer: as the file declares them, or empty; later: as they will be
  std::span<const Tensor> values;                        ///< of the inputs
  std::pmr::memory_resource* memory = default_memory();  ///< for what prepare keeps
  Slots wanted = Slots::none();  ///< inputs whose gradients backward will be asked for, or more
  bool keeps_packed = true;      ///< what pack wrote stays; where not, less of it is better

  bool has(std::size_t i) const noexcept { return i < inputs.size() && inputs[i].present(); }
  /// Input 0 is an integer tensor with a scale.
  bool quantized() const noexcept { return !inputs.empty() && inputs[0].quantized(); }
  /// The element type that the file declares for output i; `otherwise` where there is no file.
  DType declared(std::size_t i, DType otherwise) const noexcept {
    return i < outputs.size() && outputs[i].present() ? outputs[i].dtype : otherwise;
  }
  /// The values of an integer input that `reads` names.
  std::vector<std::int64_t> ints(std::size_t i) const;

  /// Throws Error (argument): `[CONV_2D #12 "block_3/conv"] expected ..., got ...`.
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(ErrorKind::argument, where, parts...);
  }
  void require_rank(std::size_t i, std::size_t least, std::size_t most) const;
  void require_same_dtype(std::size_t i, std::size_t j) const;  ///< inputs i and j
  void require_quantized_output(
      std::size_t i = 0) const;            ///< output i: the dtype of input 0, with a scale
  void require_same_quantization() const;  ///< outputs: scale and zero point of input 0
  void require_symmetric_int16() const;    ///< zero_point 0 in every int16 input and output
  /// `axis` counted from the front, within [0, rank); throws Error otherwise.
  std::size_t axis(std::int64_t axis, std::size_t rank) const;
};

/// One forward call.
struct Forward {
  std::span<const Tensor> inputs;
  std::span<Tensor> outputs;
  std::span<std::byte>
      scratch;  ///< as many bytes as scratch_bytes gave, 64-byte aligned, uninitialised
  std::span<std::byte> packed;  ///< as many as packed_bytes gave: what pack wrote

  bool has(std::size_t i) const noexcept { return i < inputs.size() && inputs[i]; }
  template <class T>
  std::span<const T> input(std::size_t i) const noexcept {
    return has(i) ? inputs[i].data<T>() : std::span<const T>{};
  }
  template <class T>
  std::span<T> output(std::size_t i) const noexcept {
    return outputs[i].mutable_data<T>();
  }
  template <class T>
  T* packed_as() const noexcept {
    return reinterpret_cast<T*>(packed.data());
  }
  const TensorType& type_in(std::size_t i) const noexcept { return inputs[i].type(); }
  const TensorType& type_out(std::size_t i) const noexcept { return outputs[i].type(); }
};

/// One backward call.  Gradients are float32 in real units.
struct Backward {
  std::span<const TensorType> types_in, types_out;
  std::span<const Tensor> saved_inputs_raw,
      saved_outputs_raw;  ///< as forward saw them; absent if not saved
  std::span<const std::span<const float>> saved_inputs,
      saved_outputs;  ///< the same in real units; empty for plain integers
  std::span<const std::span<const float>>
      output_grads;  ///< masked already; empty: zero, as nobody used that output
  std::span<const std::span<float>> input_grads;  ///< empty: not wanted
  std::span<const bool> add;                      ///< add to input_grads[i] instead of writing it
  std::span<std::byte> scratch;

  bool has(std::size_t i) const noexcept { return i < types_in.size() && types_in[i].present(); }
  bool wants(std::size_t i) const noexcept { return i < wanted.size() && wanted[i]; }
  /// Only where the op defines `accumulates`; false otherwise.
  bool adds(std::size_t i) const noexcept { return add[i]; }
  std::span<const float> saved_input(std::size_t i) const noexcept { return saved_inputs[i]; }
  std::span<const float> saved_output(std::size_t i) const noexcept { return saved_outputs[i]; }
  template <class T>
  std::span<const T> saved_input_as(std::size_t i) const noexcept {
    return saved_inputs_raw[i].data<T>();
  }
  /// Of the shape of output i.
  std::span<const float> output_grad(std::size_t i) const noexcept { return output_grads[i]; }
  /// Of the shape of input i; of output 0 where the op defines `broadcasts`.  Uninitialised unless
  /// adds(i).
  std::span<float> input_grad(std::size_t i) const noexcept { return input_grads[i]; }
  const TensorType& type_in(std::size_t i) const noexcept { return types_in[i]; }
  const TensorType& type_out(std::size_t i) const noexcept { return types_out[i]; }

  std::span<const bool> wanted;

  /// Where the op splits: the rows of input 1 (its first dimension, the last one of output 0) that
  /// this call is about.  saved_input(1) and input_grad(1) hold just these; input_grad(0) adds up
  /// over the calls; the gradient of a bias is asked of the first call, whole.
  struct Rows {
    std::int64_t first = 0, count = 0;
  } rows;
};

/// Attributes and plans, their types forgotten.
using Box = std::shared_ptr<void>;

/// The plan of an op that needs none.
struct NoPlan {};

/// One op, as the engine sees it.  Made by define<T>().
struct OpDef {
  std::string_view name;
  int code = -1;  ///< BuiltinOperator, or -1: not in the file format
  Arity arity;
  std::size_t output_count = 1;  ///< Arity::any: as many as infer gives
  Saves saves;
  Slots reads;  ///< integer inputs whose values infer and prepare read
  Slots packs;  ///< inputs that pack reads
  /// Inputs that training moves; selectors tell a bias from a weight.  The gradient of a bias needs
  /// no saved value.
  Slots weights, bias;
  bool broadcasts =
      false;  ///< backward writes gradients of output 0's shape; autograd sums them to the input's
  bool moves = false;   ///< only moves or chooses values: an integer output has no clamp of its own
  bool views = false;   ///< the output is input 0 under another shape; neither forward nor backward
  bool passes = false;  ///< the gradient of output 0 is that of every input; no backward
  bool normalizes =
      false;  ///< a final one is left out of the loss: it is taken at input 0 (see logits)
  bool accumulates = false;  ///< backward honours adds(i)
  /// Inputs in whose place output 0 may be written where it takes as many bytes: forward reads an
  /// element before it writes that one, and never again.
  Slots overwrites;
  std::size_t dtype_input = 0;
  std::span<const DType> dtypes;  ///< empty: the op itself checks

  Box (*parse)(const Options&) = nullptr;
  Box (*parse_custom)(std::span<const std::byte>) =
      nullptr;  ///< a user's op in a file: its custom options
  Box (*default_attributes)() = nullptr;
  Activation (*activation)(const void* attributes) noexcept = nullptr;
  std::vector<TensorType> (*infer)(const void* attributes, const Call&) = nullptr;
  Box (*prepare)(const void* attributes, const Call&) = nullptr;
  void (*check)(const void* attributes, const Call&) = nullptr;
  bool (*clamps)(const void* plan) noexcept =
      nullptr;  ///< a Plan with a member `clamps` overrides `moves`
  std::size_t (*scratch_bytes)(const void* attributes, const void* plan, const Call&) = nullptr;
  std::size_t (*backward_scratch_bytes)(const void* attributes, const void* plan,
                                        const Call&) = nullptr;
  std::size_t (*packed_bytes)(const void* attributes, const void* plan, const Call&) = nullptr;
  void (*pack)(const void* attributes, const void* plan, const Forward&) noexcept = nullptr;
  void (*forward)(const void* attributes, const void* plan, const Forward&) noexcept = nullptr;
  void (*backward)(const void* attributes, const void* plan, const Backward&) noexcept = nullptr;
  bool (*splits)(const void* plan) noexcept = nullptr;
  double (*operations)(std::span<const TensorType> inputs,
                       std::span<const TensorType> outputs) = nullptr;

  bool differentiable() const noexcept { return backward != nullptr || views || passes; }
};

namespace detail {

template <class Op>
struct PlanOf {
  using type = NoPlan;
};
template <class Op>
  requires requires { typename Op::Plan; }
struct PlanOf<Op> {
  using type = typename Op::Plan;
};

template <class T>
struct DtypeList;
template <class... T>
struct DtypeList<Dtypes<T...>> {
  static constexpr DType values[] = {dtype_of<T>...};
  /// Calls f.operator()<T>() for the type that `dtype` names; int4 and int2 run as int8.
  template <class F>
  static void dispatch(DType dtype, F&& f) {
    if (dtype == DType::int4 || dtype == DType::int2) dtype = DType::int8;
    (void)((dtype == dtype_of<T> ? (f.template operator()<T>(), true) : false) || ...);
  }
};

/// The functions of one op behind pointers of one type.  What runs once for a shape is cold:
/// compiled for size.
template <class Op>
struct Erased {
  using Attributes = typename Op::Attributes;
  using Plan = typename PlanOf<Op>::type;

  static const Attributes& attributes(const void* p) { return *static_cast<const Attributes*>(p); }
  static const Plan& plan(const void* p) { return *static_cast<const Plan*>(p); }

  [[gnu::cold]] static Box parse(const Options& options) {
    return std::make_shared<Attributes>(Op::parse(options));
  }
  [[gnu::cold]] static Box parse_custom(std::span<const std::byte> options) {
    return std::make_shared<Attributes>(Op::parse(options));
  }
  [[gnu::cold]] static Box default_attributes() { return std::make_shared<Attributes>(); }
  static Activation activation(const void* a) noexcept { return attributes(a).activation; }
  static bool clamps(const void* p) noexcept { return plan(p).clamps; }
  static bool splits(const void* p) noexcept { return Op::splits(plan(p)); }

  [[gnu::cold]] static std::vector<TensorType> infer(const void* a, const Call& call) {
    if constexpr (requires { Op::infer(attributes(a), call); }) {
      return listed(Op::infer(attributes(a), call));
    } else {
      return listed(Op::infer(attributes(a), call.inputs));
    }
  }
  [[gnu::cold]] static Box prepare(const void* a, const Call& call) {
    if constexpr (requires { Op::prepare(attributes(a), call); }) {
      return std::make_shared<Plan>(Op::prepare(attributes(a), call));
    } else {
      return std::make_shared<Plan>();
    }
  }
  static void check(const void* a, const Call& call) { Op::check(attributes(a), call); }
  [[gnu::cold]] static std::size_t scratch_bytes(const void* a, const void* p, const Call& call) {
    return Op::scratch_bytes(attributes(a), plan(p), call);
  }
  [[gnu::cold]] static std::size_t backward_scratch_bytes(const void* a, const void* p,
                                                          const Call& call) {
    return Op::backward_scratch_bytes(attributes(a), plan(p), call);
  }
  [[gnu::cold]] static std::size_t packed_bytes(const void* a, const void* p, const Call& call) {
    return Op::packed_bytes(attributes(a), plan(p), call);
  }
  static void pack(const void* a, const void* p, const Forward& f) noexcept {
    Op::pack(attributes(a), plan(p), f);
  }
  static void forward(const void* a, const void* p, const Forward& f) noexcept {
    if constexpr (requires { Op::dtypes; }) {
      std::size_t deciding = 0;
      if constexpr (requires { Op::dtype_input; }) deciding = Op::dtype_input;
      DtypeList<std::remove_const_t<decltype(Op::dtypes)>>::dispatch(
          f.type_in(deciding).dtype,
          [&]<class T>() { Op::template forward<T>(attributes(a), plan(p), f); });
    } else {
      Op::forward(attributes(a), plan(p), f);
    }
  }
  static void backward(const void* a, const void* p, const Backward& b) noexcept {
    Op::backward(attributes(a), plan(p), b);
  }

  static std::vector<TensorType> listed(TensorType type) {
    std::vector<TensorType> list;
    list.push_back(std::move(type));
    return list;
  }
  static std::vector<TensorType> listed(std::vector<TensorType> types) { return types; }
};

/// What an op says of itself in constants.
template <class Op>
constexpr void describe(OpDef& d) {
  d.name = Op::name;
  if constexpr (requires { Op::code; }) d.code = Op::code;
  if constexpr (requires { Op::arity; }) d.arity = Op::arity;
  if constexpr (requires { Op::output_count; }) d.output_count = Op::output_count;
  if constexpr (requires { Op::saves; }) d.saves = Op::saves;
  if constexpr (requires { Op::reads; }) d.reads = Op::reads;
  if constexpr (requires { Op::packs; }) d.packs = Op::packs;
  if constexpr (requires { Op::weights; }) d.weights = Op::weights;
  if constexpr (requires { Op::bias; }) d.bias = Op::bias;
  if constexpr (requires { Op::broadcasts; }) d.broadcasts = Op::broadcasts;
  if constexpr (requires { Op::moves; }) d.moves = Op::moves;
  if constexpr (requires { Op::views; }) d.views = Op::views;
  if constexpr (requires { Op::passes; }) d.passes = Op::passes;
  if constexpr (requires { Op::normalizes; }) d.normalizes = Op::normalizes;
  if constexpr (requires { Op::accumulates; }) d.accumulates = Op::accumulates;
  if constexpr (requires { Op::overwrites; }) d.overwrites = Op::overwrites;
  if constexpr (requires { Op::dtype_input; }) d.dtype_input = Op::dtype_input;
  if constexpr (requires { Op::dtypes; }) {
    d.dtypes = DtypeList<std::remove_const_t<decltype(Op::dtypes)>>::values;
  }
}

}  // namespace detail

/// The OpDef of an op.  `extern constinit const OpDef leaky_relu = define<LeakyRelu>();`
template <class Op>
constexpr OpDef define() {
  using E = detail::Erased<Op>;
  using Attributes = typename Op::Attributes;
  using Plan = typename E::Plan;
  OpDef d;
  detail::describe<Op>(d);
  if constexpr (requires(const Options& o) { Op::parse(o); }) d.parse = E::parse;
  if constexpr (requires(std::span<const std::byte> o) { Op::parse(o); })
    d.parse_custom = E::parse_custom;
  if constexpr (std::default_initializable<Attributes>)
    d.default_attributes = E::default_attributes;
  if constexpr (requires(Attributes a) {
                  { a.activation } -> std::convertible_to<Activation>;
                }) {
    d.activation = E::activation;
  }
  if constexpr (requires(Plan p) {
                  { p.clamps } -> std::convertible_to<bool>;
                })
    d.clamps = E::clamps;
  if constexpr (requires(const Plan& p) { Op::splits(p); }) d.splits = E::splits;
  if constexpr (requires(std::span<const TensorType> t) { Op::operations(t, t); })
    d.operations = Op::operations;
  d.infer = E::infer;
  d.prepare = E::prepare;
  if constexpr (requires(const Attributes& a, const Call& c) { Op::check(a, c); })
    d.check = E::check;
  if constexpr (requires(const Attributes& a, const Plan& p, const Call& c) {
                  Op::scratch_bytes(a, p, c);
                }) {
    d.scratch_bytes = E::scratch_bytes;
  }
  if constexpr (requires(const Attributes& a, const Plan& p, const Call& c) {
                  Op::backward_scratch_bytes(a, p, c);
                }) {
    d.backward_scratch_bytes = E::backward_scratch_bytes;
  }
  if constexpr (requires { Op::packs; }) {
    d.packed_bytes = E::packed_bytes;
    d.pack = E::pack;
  }
  if constexpr (!requires { requires Op::views; }) d.forward = E::forward;
  if constexpr (requires(const Attributes& a, const Plan& p, const Backward& b) {
                  Op::backward(a, p, b);
                }) {
    d.backward = E::backward;
  }
  return d;
}

}  // namespace hone
