#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/error.h>

#include "src/data/picture.h"
#include "src/data/wav.h"
#include "tests/data/files.h"

namespace hone {
namespace {

using testing_data::bytes_of;
using testing_data::fixture;
using testing_data::Folder;
using testing_data::message_of;
using testing_data::shared;
using testing_data::write;

/// What tests/golden/make_data_fixtures.py put into sample `c` of pixel (y, x).
std::size_t written(std::size_t y, std::size_t x, std::size_t c, std::size_t depth) {
  return (31 * y + 7 * x + 50 * c) % (std::size_t{1} << depth);
}

struct Png {
  std::string name;
  std::size_t channels, depth;
  bool palette;
};

class PngKinds : public ::testing::TestWithParam<Png> {};

TEST_P(PngKinds, GiveThePixelsThatWereWritten) {
  const Png& row = GetParam();
  const Picture p = read_png(bytes_of(fixture(row.name + ".png")), row.name);
  EXPECT_EQ(p.height, 9u);
  EXPECT_EQ(p.width, 13u);
  ASSERT_EQ(p.channels, row.channels);
  for (std::size_t i = 0; i < p.pixels.size(); ++i) {
    const std::size_t c = i % p.channels, x = i / p.channels % 13, y = i / p.channels / 13;
    const std::size_t top = (std::size_t{1} << row.depth) - 1;
    std::size_t expected = written(y, x, c, row.depth) * 255 / top;
    if (row.palette) {
      const std::size_t color = written(y, x, 0, row.depth);
      expected = c < 3 ? (3 * color + c) % 256 : (color < 2 ? 10 * (color + 1) : 255);
    }
    ASSERT_EQ(p.pixels[i], expected) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, PngKinds,
                         ::testing::Values(Png{"gray", 1, 8, false}, Png{"gray1", 1, 1, false},
                                           Png{"rgb", 3, 8, false}, Png{"gray_alpha", 2, 8, false},
                                           Png{"rgba", 4, 8, false}, Png{"palette", 3, 8, true},
                                           Png{"palette2", 4, 2, true}),
                         [](const auto& row) { return row.param.name; });

template <class Read>
void try_mutations(const std::string& whole, Read&& read) {
  const auto quietly = [&](const std::string& bytes) {
    try {
      read(bytes);
    } catch (const Error&) {  // what a changed file gives is an Error or a picture
    }
  };
  for (std::size_t n = 0; n < whole.size(); ++n) {
    quietly(whole.substr(0, n));
    for (const int change : {1, 0x80, 0xff}) {
      std::string bytes = whole;
      bytes[n] = static_cast<char>(bytes[n] ^ change);
      quietly(bytes);
    }
  }
}

TEST(Picture, NeverCrashesOnATruncatedOrChangedPng) {
  for (const char* name : {"rgb.png", "palette2.png"}) {
    const std::string whole = bytes_of(fixture(name));
    try_mutations(whole, [](const std::string& bytes) { read_png(bytes, "a.png"); });
    for (std::size_t n = 0; n < whole.size(); ++n) {
      EXPECT_THROW(read_png(whole.substr(0, n), "a.png"), Error);
    }
  }
}

TEST(Picture, ReadsPgmAndPpm) {
  const Picture gray = read_pnm("P5\n# a comment\n2 1\n15\n" + std::string("\x0f\x03", 2), "a.pgm");
  EXPECT_EQ(gray.pixels, (std::vector<std::uint8_t>{255, 51}));
  const Picture color = read_pnm("P6 1 1 255 abc", "a.ppm");
  EXPECT_EQ(color.channels, 3u);
  EXPECT_EQ(color.pixels, (std::vector<std::uint8_t>{'a', 'b', 'c'}));
}

TEST(Picture, RefusesOtherPnm) {
  for (const char* bytes : {"", "P5", "P4 1 1 a", "P5 1 1 256 aa", "P5 1 1 0 a", "P5 1 2 255 a",
                            "P5 0 0 255 ", "P5 -1 1 255 a", "P5 99999999 99999999 255 a"}) {
    EXPECT_THROW(read_pnm(bytes, "a.pgm"), Error) << bytes;
  }
}

TEST(Picture, TurnsColorIntoLumaAndGrayIntoColor) {
  const Picture p{1, 2, 4, {255, 0, 0, 7, 0, 255, 0, 7}};
  EXPECT_EQ(with_channels(p, 1).pixels, (std::vector<std::uint8_t>{76, 150}));
  EXPECT_EQ(with_channels(p, 3).pixels, (std::vector<std::uint8_t>{255, 0, 0, 0, 255, 0}));
  EXPECT_EQ(with_channels({1, 1, 2, {9, 7}}, 3).pixels, (std::vector<std::uint8_t>{9, 9, 9}));
}

TEST(Wav, GivesTheSamplesThatWereWritten) {
  const Sound sound = read_wav(bytes_of(fixture("ramp.wav")), "ramp.wav");
  EXPECT_EQ(sound.rate_hz, 8000u);
  EXPECT_EQ(sound.samples,
            (std::vector<std::int16_t>{-32768, -24576, -16384, -8192, 0, 8192, 16384, 24576}));
}

TEST(Wav, NeverCrashesOnATruncatedOrChangedFile) {
  const std::string whole = bytes_of(fixture("ramp.wav"));
  try_mutations(whole, [](const std::string& bytes) { read_wav(bytes, "a.wav"); });
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_THROW(read_wav(whole.substr(0, n), "a.wav"), Error);
  }
}

TEST(Wav, RefusesStereo) {
  std::string bytes = bytes_of(fixture("ramp.wav"));
  bytes[22] = 2;
  EXPECT_NE(message_of([&] { read_wav(bytes, "a.wav"); }).find("2 channels"), std::string::npos);
}

TEST(Images, TakeTheirClassFromTheFolder) {
  const Folder folder;
  write(folder.path() / "b/1.pgm", "P5 2 1 255 " + std::string("\0\xff", 2));
  write(folder.path() / "a/1.ppm", "P6 2 1 255 aaabbb");
  const Dataset data = images(folder.path(), {.channels = 1});
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(data.shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(data.classes(), (std::vector<std::string>{"a", "b"}));
  const Tensor x = data.x(1);
  EXPECT_EQ(x.data<float>()[0], 0);
  EXPECT_EQ(x.data<float>()[1], 1);
  const Dataset raw = images(folder.path(), {.channels = 1, .raw = true});
  EXPECT_EQ(raw.x(0).to_ints(), (std::vector<std::int64_t>{'a', 'b'}));
}

TEST(Images, NameTheFileOfAnotherSize) {
  const Folder folder;
  write(folder.path() / "a/1.pgm", "P5 2 1 255 ab");
  write(folder.path() / "b/2.pgm", "P5 1 1 255 a");
  EXPECT_NE(message_of([&] {
              images(folder.path());
            }).find("2.pgm] expected a picture of [1, 2, 1], got [1, 1, 1]"),
            std::string::npos);
}

TEST(WavFolder, CutsAndPadsToOneLength) {
  const Folder folder;
  const std::string ramp = bytes_of(fixture("ramp.wav"));  // 8 samples
  write(folder.path() / "yes/1.wav", ramp);
  write(folder.path() / "no/1.wav", ramp);
  const Dataset cut = wav(folder.path(), {.length = 4, .stride = 2});
  EXPECT_EQ(cut.size(), 6u);
  EXPECT_EQ(cut.x(1).data<float>()[0], -0.5f);
  const Dataset padded = wav(folder.path(), {.length = 10});
  EXPECT_EQ(padded.size(), 2u);
  EXPECT_EQ(padded.x(0).data<float>()[7], 0.75f);
  EXPECT_EQ(padded.x(0).data<float>()[9], 0);
  EXPECT_THROW(wav(folder.path(), {.rate_hz = 16000}), Error);
}

TEST(LoadData, ChoosesByWhatStandsThere) {
  const Folder folder;
  write(folder.path() / "p/a/1.pgm", "P5 1 1 255 a");
  write(folder.path() / "p/b/1.ppm", "P6 1 1 255 abc");
  write(folder.path() / "w/a/1.wav", bytes_of(fixture("ramp.wav")));
  write(folder.path() / "w/b/1.wav", bytes_of(fixture("ramp.wav")));
  write(folder.path() / "c/1.csv", "t,x,label\n0,1,A\n1,2,B\n");
  EXPECT_EQ(load_data(folder.path() / "p", {.images = {.channels = 1}}).size(), 2u);
  EXPECT_EQ(load_data(folder.path() / "w", {.wav = {.length = 8}}).shape(), Shape{8});
  EXPECT_EQ(load_data(folder.path() / "c").size(), 2u);
  EXPECT_EQ(load_data(folder.path() / "c/1.csv").size(), 2u);
}

TEST(LoadData, RefusesWhatItCannotTell) {
  const Folder folder;
  write(folder.path() / "a/1.wav", "");
  write(folder.path() / "b/1.csv", "");
  write(folder.path() / "c/1.txt", "");
  const auto says = [&](const char* path, const char* text) {
    const std::string message = message_of([&] { load_data(folder.path() / path); });
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  says("", "expected files of one kind, got *.wav and *.csv");
  says("c", "expected files *.csv or *.wav");
  says("c/1.txt", "got \".txt\"");
  says("absent", "got no extension");
  says("absent.npz", "cannot open");
}

TEST(Shared, EveryPictureAndSoundIsReadable) {
  const auto data = shared() / "data";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << data << " is not there";
  EXPECT_EQ(images(data / "digits_image/png").shape(), (Shape{28, 28, 1}));
  EXPECT_EQ(images(data / "pictures/train").shape(), (Shape{224, 224, 3}));
  EXPECT_EQ(wav(data / "digits_spoken", {.length = 8000}).distinct_labels(), 10u);
  EXPECT_EQ(wav(data / "keywords_synthetic").distinct_labels(), 12u);
}

}  // namespace
}  // namespace hone
