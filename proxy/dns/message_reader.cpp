#include "dns/message_reader.hpp"

#include <utility>

namespace roachpin::dns {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t max_name = 255;
constexpr unsigned max_pointers = 32;

/// The two highest bits of a label's first octet (RFC 1035 section 4.1.4). Of the other two values,
/// one was never used and one is withdrawn (RFC 6891 section 5).
constexpr std::uint8_t kind_mask = 0xc0;
constexpr std::uint8_t kind_label = 0x00;
constexpr std::uint8_t kind_pointer = 0xc0;

} // namespace

void message_reader::refuse(std::string sentence) {
    if (!refused()) {
        refusal_ = std::move(sentence);
    }
}

core::bytes_view message_reader::take(std::size_t size) {
    if (refused() || size > left()) {
        refuse("the message ends early, at octet " + std::to_string(message_.size()));
        return {};
    }
    position_ += size;
    return message_.subspan(position_ - size, size);
}

std::uint8_t message_reader::take_uint8() {
    const auto octets = take(1);
    return octets.empty() ? std::uint8_t{0} : octets[0];
}

std::uint16_t message_reader::take_uint16() {
    const auto octets = take(2);
    return octets.empty() ? std::uint16_t{0}
                          : static_cast<std::uint16_t>(unsigned{octets[0]} << 8 | octets[1]);
}

std::uint32_t message_reader::take_uint32() {
    const auto octets = take(4);
    return octets.empty() ? std::uint32_t{0}
                          : std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 |
                                std::uint32_t{octets[2]} << 8 | std::uint32_t{octets[3]};
}

/// Where the pointer leads: behind the header and before `before`, where the run of labels that
/// ends in it began. A name made by the rules repeats an earlier one, so this refuses no honest
/// message, and each pointer leads further to the front: no loop can be written
/// (RFC 9267 section 2).
std::size_t message_reader::take_pointer(std::uint8_t first_octet, std::size_t before) {
    const auto target = std::size_t{first_octet & 0x3fU} << 8 | take_uint8();
    if (target < header_size || target >= before) {
        refuse("a compression pointer leads to octet " + std::to_string(target) +
               ", which is not before the name it is in");
    }
    return target;
}

std::vector<std::string_view> message_reader::take_labels() {
    std::vector<std::string_view> labels;
    std::size_t size = 1; // on the wire, uncompressed: the root's octet
    unsigned pointers = 0;
    auto run = position_;                   // where the labels being walked began
    std::optional<std::size_t> continue_at; // behind the first pointer
    while (!refused()) {
        const auto first = take_uint8();
        if ((first & kind_mask) == kind_pointer) {
            run = take_pointer(first, run);
            continue_at = continue_at.value_or(position_);
            position_ = run;
            if (++pointers > max_pointers) {
                refuse("a name has more than 32 compression pointers");
            }
        } else if ((first & kind_mask) != kind_label) {
            refuse("a label begins with octet " + std::to_string(first) +
                   ", which is neither a length nor a compression pointer");
        } else if (first == 0) {
            position_ = continue_at.value_or(position_);
            break;
        } else if (size += first + 1U; size > max_name) {
            refuse("a name is longer than 255 octets");
        } else {
            labels.push_back(core::as_text(take(first)));
        }
    }
    return refused() ? std::vector<std::string_view>() : labels;
}

std::optional<core::dns_name> message_reader::take_name() {
    std::string text;
    for (const auto label : take_labels()) {
        if (label.find('.') != std::string_view::npos) { // in `text` it would be two labels
            refuse("a name has a label with a dot in it");
        }
        text += label;
        text += '.';
    }
    if (refused()) {
        return std::nullopt;
    }
    auto name = core::dns_name::parse(text);
    if (!name) {
        refuse(name.error().sentence);
        return std::nullopt;
    }
    return std::move(*name);
}

} // namespace roachpin::dns
