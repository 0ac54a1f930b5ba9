// The two formulas of gelu as exporters spell them out.

#include <array>
#include <cmath>
#include <numbers>

#include "ntt/onnx/look.h"
#include "ntt/onnx/patterns.h"
#include "ntt/onnx/step.h"

namespace ntt::onnx_import {
namespace {

using ::onnx::NodeProto;

constexpr int kDeepest = 8;  // nodes from the end of a polynomial to its begin

bool is_near(double a, double b) {
  return std::abs(a - b) <= 1e-4 * std::abs(b);
}

using Polynomial = std::array<double, 4>;

Polynomial times(const Polynomial& a, const Polynomial& b) {
  Polynomial result{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; i + k < a.size(); ++k) {
      result[i + k] += a[i] * b[k];
    }
  }
  return result;
}

/// A value as a polynomial in x, by coefficients from the constant up; none where it is not one of degree 3 at most.
std::optional<Polynomial> polynomial(const Look& look, const std::string& name, const std::string& x, int depth = 0) {
  if (depth > kDeepest) {
    return std::nullopt;
  }
  if (look.same(name, x)) {
    return Polynomial{0, 1, 0, 0};
  }
  if (const auto number = look.scalar(name)) {
    return Polynomial{*number, 0, 0, 0};
  }
  const auto of = [&](const NodeProto* node, int i) { return polynomial(look, node->input(i), x, depth + 1); };
  if (const NodeProto* power = look.made_by(name, "Pow")) {
    const auto base = of(power, 0);
    const auto exponent = look.scalar(power->input(1));
    if (base && exponent == 2) {
      return times(*base, *base);
    }
    return base && exponent == 3 ? std::optional(times(times(*base, *base), *base)) : std::nullopt;
  }
  for (const std::string_view operation : {"Add", "Mul", "Div"}) {
    const NodeProto* node = look.made_by(name, operation);
    const auto a = node == nullptr ? std::nullopt : of(node, 0);
    const auto b = a ? of(node, 1) : std::nullopt;
    if (!b) {
      continue;
    }
    if (operation == "Mul") {
      return times(*a, *b);
    }
    if (operation == "Div" && ((*b)[0] == 0 || (*b)[1] != 0 || (*b)[2] != 0 || (*b)[3] != 0)) {
      return std::nullopt;
    }
    Polynomial result = *a;
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = operation == "Add" ? result[i] + (*b)[i] : result[i] / (*b)[0];
    }
    return result;
  }
  return std::nullopt;
}

/// constant + factor * F(argument), with F one of erf and tanh.
struct Gate {
  std::string name;
  double constant;
  double factor;
  bool is_erf;
  std::string argument;
};

std::optional<Gate> gate(const Look& look, const std::string& name) {
  const NodeProto* sum = look.made_by(name, "Add");
  const auto parts = sum == nullptr ? std::nullopt : look.with_scalar(*sum);
  if (!parts) {
    return std::nullopt;
  }
  std::string function = parts->first;
  double factor = 1;
  if (const NodeProto* scaled = look.made_by(function, "Mul")) {
    const auto inner = look.with_scalar(*scaled);
    if (!inner) {
      return std::nullopt;
    }
    function = inner->first;
    factor = inner->second;
  }
  for (const bool is_erf : {true, false}) {
    if (const NodeProto* node = look.made_by(function, is_erf ? "Erf" : "Tanh")) {
      return Gate{name, parts->second, factor, is_erf, node->input(0)};
    }
  }
  return std::nullopt;
}

/// The values that a product is made of, at any depth.
void collect_factors(const Look& look, const NodeProto& node, std::vector<std::string>& factors, int depth = 0) {
  for (const int i : {0, 1}) {
    if (look.scalar(node.input(i))) {
      continue;
    }
    factors.push_back(node.input(i));
    for (const std::string_view operation : {"Mul", "Div"}) {
      const NodeProto* inner = depth < 2 ? look.made_by(node.input(i), operation) : nullptr;
      if (inner != nullptr) {
        collect_factors(look, *inner, factors, depth + 1);
      }
    }
  }
}

/// What a product comes to: number * x^x_count * gate^gate_count.
struct Product {
  double number = 1;
  int x_count = 0;
  int gate_count = 0;
};

bool expand(const Look& look, const NodeProto& node, const std::string& x, const std::string& gate_name,
            Product& product, int depth = 0) {
  const bool divides = node.op_type() == "Div";
  for (const int i : {0, 1}) {
    const std::string& factor = node.input(i);
    const bool is_divisor = divides && i == 1;
    const NodeProto* inner = look.made_by(factor, "Mul");
    inner = inner == nullptr ? look.made_by(factor, "Div") : inner;
    if (const auto number = look.scalar(factor)) {
      product.number *= is_divisor ? 1 / *number : *number;
    } else if (is_divisor) {
      return false;
    } else if (look.same(factor, x)) {
      ++product.x_count;
    } else if (look.same(factor, gate_name)) {
      ++product.gate_count;
    } else if (inner == nullptr || depth >= 2 || !expand(look, *inner, x, gate_name, product, depth + 1)) {
      return false;
    }
  }
  return true;
}

}  // namespace

/// x Φ(x) or its approximation by tanh, in any order of factors.
bool ends_gelu(Step& step) {
  const Look look(step.translation());
  std::vector<std::string> factors;
  collect_factors(look, step.node(), factors);
  for (const std::string& name : factors) {
    const auto found = gate(look, name);
    for (const std::string& x : factors) {
      const auto input = found && x != name ? look.activation(x) : std::nullopt;
      Product product;
      if (!input || !expand(look, step.node(), x, name, product) || product.x_count != 1 || product.gate_count != 1 ||
          !is_near(product.number * found->constant, 0.5) || !is_near(product.number * found->factor, 0.5)) {
        continue;
      }
      const auto argument = polynomial(look, found->argument, x);
      const double slope = found->is_erf ? std::numbers::sqrt2 / 2 : std::sqrt(2 / std::numbers::pi);
      const double cubic = found->is_erf ? 0 : slope * 0.044715;
      if (argument && (*argument)[0] == 0 && is_near((*argument)[1], slope) && (*argument)[2] == 0 &&
          is_near((*argument)[3], cubic)) {
        DraftNode node{.type = "gelu", .inputs = {input->value}};
        if (!found->is_erf) {
          node.attributes.emplace("approximation", std::string("tanh"));
        }
        step.add(std::move(node), input->batch);
        return true;
      }
    }
  }
  return false;
}

}  // namespace ntt::onnx_import
