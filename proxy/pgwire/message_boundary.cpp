#include "pgwire/message_boundary.hpp"

namespace roachpin::pgwire {
namespace {

struct nobody {
    void on_body(std::uint8_t, core::bytes_view) {}

    void on_message(std::uint8_t, std::uint8_t) {}
};

} // namespace

void message_boundary::follow(core::bytes_view octets) {
    follow(octets, nobody{});
}

} // namespace roachpin::pgwire
