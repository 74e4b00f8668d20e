#include "audit/fingerprint.hpp"

#include "audit/legible.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace roachpin::audit {
namespace {

/// FNV-1a, 64 bits: the offset and the prime are the algorithm's own.
constexpr std::uint64_t offset = 0xcbf29ce484222325U;
constexpr std::uint64_t prime = 0x100000001b3U;

std::uint64_t add(std::uint64_t hash, std::string_view text) {
    for (const char octet : text) {
        hash = (hash ^ static_cast<std::uint8_t>(octet)) * prime;
    }
    return hash * prime; // as if by a NUL, which no legible text holds
}

} // namespace

std::string fingerprint(const finding& one) {
    // Made legible first: the same whether the finding is at hand or was written and read.
    auto hash = add(add(add(offset, one.id), legible(one.host)), legible(one.subject));
    if (!one.mark.empty()) {
        hash = add(hash, one.mark);
    }
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), hash, 16).ptr;
    const std::string text(digits.begin(), end);
    return std::string(digits.size() - text.size(), '0') + text;
}

} // namespace roachpin::audit
