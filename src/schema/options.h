#pragma once
/// The options of an operator and the tables of the schema:
/// `options.as<tflite::Conv2DOptions>().stride_w()`.

#include "src/schema/options_view.h"   // IWYU pragma: export
#include "src/schema/tflite_tables.h"  // IWYU pragma: export
