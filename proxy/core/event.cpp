#include "core/event.hpp"

#include "core/event_sink.hpp"

#include <array>
#include <charconv>

namespace roachpin::core {
namespace {

std::string hexadecimal(std::uint64_t number) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), number, 16).ptr;
    const std::string text(digits.begin(), end);
    return std::string(digits.size() - text.size(), '0') + text;
}

} // namespace

std::string to_string(event_id id) {
    return hexadecimal(static_cast<std::uint64_t>(id));
}

std::string to_string(connection_id id) {
    return hexadecimal(static_cast<std::uint64_t>(id));
}

event_id event_source::emit(const event& what) {
    const event_id id{next_.fetch_add(1, std::memory_order_relaxed)};
    for (auto* reader : readers_) {
        reader->on_event(id, what);
    }
    return id;
}

} // namespace roachpin::core
