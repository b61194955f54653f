#pragma once
/// Operators as functions of Variables: they compute at once and, where an input requires a
/// gradient, record.  Axes may count from the end.  All throw Error (argument) on shapes and types
/// that do not fit.

#include <hone/tensor.h>
#include <hone/variable.h>

namespace hone {

// Arithmetic, element by element.  Both operands have one type, float32 or a plain integer, and
// shapes that broadcast to one another (NumPy's rules).  A float stands for a scalar float32.

/// a + b.
Variable add(const Variable& a, const Variable& b);
Variable operator+(const Variable& a, const Variable& b);
Variable operator+(const Variable& a, float b);
Variable operator+(float a, const Variable& b);
/// a - b.
Variable sub(const Variable& a, const Variable& b);
Variable operator-(const Variable& a, const Variable& b);
Variable operator-(const Variable& a, float b);
Variable operator-(float a, const Variable& b);
/// a * b.
Variable mul(const Variable& a, const Variable& b);
Variable operator*(const Variable& a, const Variable& b);
Variable operator*(const Variable& a, float b);
Variable operator*(float a, const Variable& b);
/// a / b; integers (not int64) towards zero, and Error where a divisor is 0.
Variable div(const Variable& a, const Variable& b);
Variable operator/(const Variable& a, const Variable& b);
Variable operator/(const Variable& a, float b);
Variable operator/(float a, const Variable& b);
/// (a - b)^2; float32 or int32.
Variable squared_difference(const Variable& a, const Variable& b);
/// The larger of a and b; on a tie the gradient goes to a.  Integers with a scale keep it.
Variable maximum(const Variable& a, const Variable& b);
/// The smaller of a and b; on a tie the gradient goes to a.  Integers with a scale keep it.
Variable minimum(const Variable& a, const Variable& b);
/// a^b; float32, or int32 with exponents b >= 0 (Error otherwise), saturated.
Variable pow(const Variable& a, const Variable& b);

}  // namespace hone
