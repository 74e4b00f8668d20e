#include "pgwire/message_boundary.hpp"

#include "pgwire/integers.hpp"

#include <algorithm>
#include <limits>

namespace roachpin::pgwire {

void message_boundary::follow(core::bytes_view octets) {
    while (!octets.empty()) {
        if (body_left_ > 0) {
            const auto skipped = std::min(body_left_, octets.size());
            body_left_ -= skipped;
            octets = octets.subspan(skipped);
            if (body_left_ == 0) {
                last_type_ = header_[0];
            }
            continue;
        }
        const auto taken = std::min(header_size - header_held_, octets.size());
        std::copy_n(octets.begin(), taken,
                    header_.begin() + static_cast<std::ptrdiff_t>(header_held_));
        header_held_ += taken;
        octets = octets.subspan(taken);
        if (header_held_ < header_size) {
            return;
        }
        header_held_ = 0;
        const auto length = load_uint32(header_.data() + 1);
        body_left_ = length < 4 ? std::numeric_limits<std::size_t>::max() : length - 4;
        if (body_left_ == 0) {
            last_type_ = header_[0];
        }
    }
}

} // namespace roachpin::pgwire
