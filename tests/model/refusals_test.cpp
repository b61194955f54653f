/// What a model file may hold and what is refused: bias scales, a missing bias, sparse weights.

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/hone.h>

#include "tests/model/network.h"

namespace hone::tests {
namespace {

using Int8s = std::vector<std::int8_t>;
using Int32s = std::vector<std::int32_t>;

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// An int8 FULLY_CONNECTED of two inputs and outputs, scales 0.5 and 0.25 and, of the output, 1.
Model fully_connected(float bias_scale) {
  Network net;
  const std::int32_t x = net.tensor("x", {1, 2}, tflite::TensorType_INT8),
                     y = net.tensor("y", {1, 2}, tflite::TensorType_INT8),
                     w = net.constant<std::int8_t>("w", {2, 2}, Int8s{1, 2, 3, 4}),
                     b = net.constant<std::int32_t>("b", {2}, Int32s{8, -8});
  net.quantize(x, {0.5f});
  net.quantize(w, {0.25f});
  net.quantize(b, {bias_scale});
  net.quantize(y, {1});
  net.fully_connected({x, w, b}, y);
  return Model::load(net.bytes({x}, {y}));
}

Variable ones(Model& model) {
  Tensor x(model.inputs()[0].type);
  for (std::int8_t& v : x.mutable_data<std::int8_t>()) v = 10;
  return model(Variable(std::move(x)));
}

TEST(BiasScale, OfTheProductOfTheOthersRuns) {
  Model model = fully_connected(0.125f);
  // (10 + 20 + 8) / 8 = 4.75 and (30 + 40 - 8) / 8 = 7.75
  const Tensor y = ones(model).data();
  EXPECT_EQ(y.data<std::int8_t>()[0], 5);
  EXPECT_EQ(y.data<std::int8_t>()[1], 8);
}

TEST(BiasScale, ThatIsOffByALittleRunsAsInLiteRT) {
  Model model = fully_connected(0.125f + 0.019f);
  EXPECT_EQ(ones(model).data().data<std::int8_t>()[0], 5);
}

TEST(BiasScale, ThatIsOffIsRefusedAsByLiteRT) {
  Model model = fully_connected(0.125f + 0.021f);
  const std::string told = message_of([&] { ones(model); });
  EXPECT_NE(told.find("[FULLY_CONNECTED #0 \"y\"] expected a bias in steps of 0.125"),
            std::string::npos)
      << told;
  EXPECT_NE(message_of([&] {
              const Parameters all_of_it = model.trainable(all());
              ones(model);
            }),
            "no error");
}

TEST(Convolution, RunsWithoutABias) {
  for (const bool left_out : {false, true}) {
    Network net;
    const std::int32_t x = net.tensor("x", {1, 1, 2, 2}), y = net.tensor("y", {1, 1, 2, 1}),
                       w = net.constant<float>("w", {1, 1, 1, 2}, {2.f, -1.f});
    tflite::Conv2DOptionsT options;
    options.stride_h = options.stride_w = 1;
    net.op(tflite::BuiltinOperator_CONV_2D,
           left_out ? std::vector<std::int32_t>{x, w, -1} : std::vector<std::int32_t>{x, w}, {y})
        .builtin_options.Set(options);
    Model model = Model::load(net.bytes({x}, {y}));
    const Parameters parameters = model.trainable(all());
    const Variable out = model(Variable(Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 4})));
    EXPECT_EQ(out.data().data<float>()[0], 0);
    EXPECT_EQ(out.data().data<float>()[1], 2);
    out.backward();
    EXPECT_EQ(parameters[0].variable().grad().data<float>()[0], 4);  // 1 + 3
  }
}

/// y = W x + b with W = {{0, 5, 0}, {6, 0, 7}} stored sparse, rows dense and columns compressed.
std::vector<std::byte> sparse(bool with_bias) {
  Network net;
  const std::int32_t x = net.tensor("x", {1, 3}), y = net.tensor("y", {1, 2}),
                     w = net.constant<float>("w", {2, 3}, {5, 6, 7});
  const std::int32_t b = with_bias ? net.constant<float>("b", {2}, {1, 2}) : -1;
  auto sparsity = std::make_unique<tflite::SparsityParametersT>();
  sparsity->traversal_order = {0, 1};
  for (int i = 0; i < 2; ++i)
    sparsity->dim_metadata.push_back(std::make_unique<tflite::DimensionMetadataT>());
  sparsity->dim_metadata[0]->dense_size = 2;
  sparsity->dim_metadata[1]->format = tflite::DimensionType_SPARSE_CSR;
  tflite::Uint8VectorT segments, indices;
  segments.values = {0, 1, 3};
  indices.values = {1, 0, 2};
  sparsity->dim_metadata[1]->array_segments.Set(std::move(segments));
  sparsity->dim_metadata[1]->array_indices.Set(std::move(indices));
  net.at(w).sparsity = std::move(sparsity);
  net.fully_connected({x, w, b}, y);
  return net.bytes({x}, {y});
}

TEST(SparseWeights, AreRead) {
  Model model = Model::load(sparse(true));
  const Variable y = model(Variable(Tensor::of<float>({1, 3}, {1, 10, 100})));
  EXPECT_EQ(y.data().data<float>()[0], 51);
  EXPECT_EQ(y.data().data<float>()[1], 708);
}

TEST(SparseWeights, AreRefusedWhereTheyAreToTrain) {
  Model model = Model::load(sparse(true));
  for (const char* selector : {"#2", "w", "w*", "bias,#2"}) {
    const std::string told = message_of([&] { model.trainable({selector}); });
    EXPECT_NE(told.find("#2, which is sparse"), std::string::npos) << selector << ": " << told;
  }
}

TEST(SparseWeights, AreNamedAsTheReasonWhyAnOperatorDoesNotTrain) {
  Model model = Model::load(sparse(false));
  EXPECT_FALSE(model.operators()[0].trainable());
  EXPECT_NE(model.operators()[0].why_not_trainable().find("sparse"), std::string::npos);
  EXPECT_NE(message_of([&] { model.trainable(all()); }), "no error");
}

TEST(SparseWeights, StayAsTheyAreWhileOthersTrain) {
  Model model = Model::load(sparse(true));
  const Dataset data(Tensor::of<float>({2, 3}, {1, 0, 0, 0, 0, 1}),
                     Tensor::of<float>({2, 2}, {0, 0, 1, 1}));
  Sgd optimizer(model.trainable(all()), {.lr = 0.1f});
  fit(model, optimizer, data, {.epochs = 1, .batch = 2, .loss = Loss::mse});
  Model again = Model::load(model.bytes());
  const Variable y = again(Variable(Tensor::of<float>({1, 3}, {1, 10, 100})));
  const float moved_by = y.data().data<float>()[0] - 51;
  EXPECT_NE(moved_by, 0);
  EXPECT_LT(std::abs(moved_by), 1);  // the bias alone
}

}  // namespace
}  // namespace hone::tests
