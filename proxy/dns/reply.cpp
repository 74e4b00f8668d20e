#include "dns/reply.hpp"

#include "dns/record_data.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace roachpin::dns {
namespace {

constexpr std::size_t max_message = 65'535; // RFC 1035 section 4.2.2: the length before it over TCP
constexpr std::size_t header_size = 12;
constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t name_error = 3; // NXDOMAIN

using boost::system::result;

/// RFC 1035 section 4.1.1.
struct header {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    std::uint16_t questions = 0;
    std::array<std::uint16_t, 3> records{}; ///< by `section`

    bool is_reply() const { return (flags & 0x8000U) != 0; }

    unsigned opcode() const { return flags >> 11 & 0xfU; }

    bool truncated() const { return (flags & 0x0200U) != 0; }

    bool authenticated() const { return (flags & 0x0020U) != 0; }

    std::uint16_t rcode() const { return flags & 0xfU; }
};

enum class section { answer, authority, additional };

std::string_view to_string(section part) {
    switch (part) {
    case section::answer:
        return "answer";
    case section::authority:
        return "authority";
    case section::additional:
        break;
    }
    return "additional";
}

/// What stands before a record's data (RFC 1035 section 4.1.3).
struct record_head {
    core::dns_name owner;
    record_type type;
    std::uint16_t class_or_payload_size;
    std::uint32_t ttl; ///< as it came: of an OPT record it is something else
    std::uint16_t size;
};

/// What has been read so far.
struct draft {
    reply said;
    bool has_opt = false;
};

refused_reply malformed(std::string sentence) {
    return {reply_fault::malformed, std::move(sentence)};
}

header take_header(message_reader& in) {
    header head;
    head.id = in.take_uint16();
    head.flags = in.take_uint16();
    head.questions = in.take_uint16();
    for (auto& count : head.records) {
        count = in.take_uint16();
    }
    return head;
}

/// An old server repeats nothing of a query it cannot read. NXDOMAIN is not among what it may say
/// then: a name's denial has to name it, or a forger would not have to guess the name's case.
bool may_lack_question(const header& head) {
    const bool says_nothing_else = std::all_of(head.records.begin(), head.records.end(),
                                               [](auto count) { return count == 0; });
    return says_nothing_else && head.rcode() != 0 && head.rcode() != name_error;
}

std::optional<refused_reply> judge_header(const header& head, const query& sent, bool check_id) {
    if (!head.is_reply() || head.opcode() != 0) {
        return refused_reply{reply_fault::not_a_reply,
                             head.is_reply() ? "the message's opcode is not that of a query"
                                             : "the message is a query itself"};
    }
    if (check_id && head.id != sent.id) {
        return refused_reply{reply_fault::other_id, "the message id is not the query's"};
    }
    if (head.questions != 1 && !(head.questions == 0 && may_lack_question(head))) {
        return malformed("the reply has " + std::to_string(head.questions) + " questions");
    }
    if (*std::max_element(head.records.begin(), head.records.end()) > max_records) {
        return malformed("the reply has a section of more than " + std::to_string(max_records) +
                         " records");
    }
    return std::nullopt;
}

/// Compared octet by octet: the case of the letters is part of what a forger has to guess.
std::optional<refused_reply> judge_question(message_reader& in, core::bytes_view message,
                                            const query& sent) {
    in.take_labels();
    in.take_uint16(); // type
    in.take_uint16(); // class
    if (in.refused()) {
        return malformed(in.refusal());
    }
    const auto seen = message.subspan(header_size, in.position() - header_size);
    const auto asked = encode_question(sent);
    if (!std::equal(seen.begin(), seen.end(), asked.begin(), asked.end())) {
        return refused_reply{reply_fault::other_question,
                             "the reply's question is not the query's, to the letter"};
    }
    return std::nullopt;
}

template <class Data>
void keep(reply& said, const record_head& head, std::optional<Data> data) {
    if (data) {
        said.answers.push_back({head.owner, seconds(head.ttl), std::move(*data)});
    }
}

void take_answer(message_reader& in, const record_head& head, reply& said) {
    switch (head.type) {
    case record_type::a:
        return keep(said, head, take_a(in, head.size));
    case record_type::aaaa:
        return keep(said, head, take_aaaa(in, head.size));
    case record_type::cname:
        return keep(said, head, in.take_name());
    case record_type::srv:
        return keep(said, head, take_srv(in));
    default: // signatures, a DNAME behind its CNAME
        in.take(head.size);
    }
}

/// RFC 2308 section 5: how long a denial holds.
void take_authority(message_reader& in, const record_head& head, reply& said) {
    if (head.type != record_type::soa) {
        in.take(head.size);
        return;
    }
    const auto ttl = std::min(seconds(head.ttl), take_soa_minimum(in));
    said.negative_ttl = std::min(said.negative_ttl.value_or(ttl), ttl);
}

/// Of the additional section nothing is believed but what EDNS adds to the header: its addresses
/// are nobody's answer.
void take_additional(message_reader& in, const record_head& head, draft& so_far) {
    if (head.type != record_type::opt) {
        in.take(head.size);
        return;
    }
    if (so_far.has_opt || !head.owner.text().empty()) { // RFC 6891 section 6.1.1
        in.refuse(so_far.has_opt ? "the reply has a second OPT record"
                                 : "the OPT record's owner is not the root");
        return;
    }
    so_far.has_opt = true;
    const auto upper_rcode = head.ttl >> 24;
    so_far.said.rcode = static_cast<std::uint16_t>(so_far.said.rcode | upper_rcode << 4);
    so_far.said.extended = take_options(in, head.size);
}

std::optional<record_head> take_head(message_reader& in) {
    auto owner = in.take_name();
    const auto type = static_cast<record_type>(in.take_uint16());
    const auto class_or_payload_size = in.take_uint16();
    const auto ttl = in.take_uint32();
    const auto size = in.take_uint16();
    if (in.refused()) {
        return std::nullopt;
    }
    return record_head{std::move(*owner), type, class_or_payload_size, ttl, size};
}

void take_record(message_reader& in, section part, draft& so_far) {
    const auto head = take_head(in);
    if (!head) {
        return;
    }
    const bool is_opt = head->type == record_type::opt;
    if (is_opt ? part != section::additional : head->class_or_payload_size != class_in) {
        return in.refuse("the " + std::string(to_string(part)) + " section has " +
                         (is_opt ? "an OPT record" : "a record that is not of class IN"));
    }
    const auto end = in.position() + head->size;
    switch (part) {
    case section::answer:
        take_answer(in, *head, so_far.said);
        break;
    case section::authority:
        take_authority(in, *head, so_far.said);
        break;
    case section::additional:
        take_additional(in, *head, so_far);
        break;
    }
    if (in.position() != end) {
        in.refuse("a record's data does not end where its length says");
    }
}

void take_records(message_reader& in, const header& head, draft& so_far) {
    for (const auto part : {section::answer, section::authority, section::additional}) {
        for (auto left = head.records.at(static_cast<std::size_t>(part)); left > 0; --left) {
            take_record(in, part, so_far);
        }
    }
    if (in.left() > 0) {
        in.refuse(std::to_string(in.left()) + " octets follow the last record");
    }
}

} // namespace

std::string_view to_string(reply_fault fault) {
    switch (fault) {
    case reply_fault::not_a_reply:
        return "not_a_reply";
    case reply_fault::other_id:
        return "other_id";
    case reply_fault::other_question:
        return "other_question";
    case reply_fault::malformed:
        break;
    }
    return "malformed";
}

result<reply, refused_reply> parse_reply(core::bytes_view message, const query& sent,
                                         bool check_id) {
    if (message.size() > max_message) {
        return malformed("the reply is longer than a message may be");
    }
    message_reader in(message);
    const auto head = take_header(in);
    if (in.refused()) {
        return malformed(in.refusal());
    }
    if (auto fault = judge_header(head, sent, check_id)) {
        return std::move(*fault);
    }
    if (head.questions == 1) {
        if (auto fault = judge_question(in, message, sent)) {
            return std::move(*fault);
        }
    }
    draft so_far;
    so_far.said.rcode = head.rcode();
    so_far.said.truncated = head.truncated();
    so_far.said.authenticated = head.authenticated();
    take_records(in, head, so_far);
    if (in.refused()) {
        return malformed(in.refusal());
    }
    return std::move(so_far.said);
}

} // namespace roachpin::dns
