#include "dns/answer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace roachpin::dns {
namespace {

constexpr std::size_t max_aliases = 16;
constexpr std::uint16_t no_error = 0;
constexpr std::uint16_t name_error = 3; // NXDOMAIN

using core::dns_name;
using fault = std::optional<std::string>; ///< what is malformed, where something is

/// An answer that is being put together.
struct draft {
    dns_name end; ///< of the alias chain: the only name that may have data
    answer said{};
    std::uint32_t least_ttl = std::numeric_limits<std::uint32_t>::max();
};

bool is_alias(const record& one) {
    return std::holds_alternative<dns_name>(one.data);
}

std::vector<const record*> aliases_of(const std::vector<record>& records, const dns_name& name) {
    std::vector<const record*> found;
    for (const auto& one : records) {
        if (is_alias(one) && one.owner == name) {
            found.push_back(&one);
        }
    }
    return found;
}

bool is_on_chain(const draft& so_far, const question& asked, const dns_name& name) {
    const auto& chain = so_far.said.chain;
    return name == asked.name || std::find(chain.begin(), chain.end(), name) != chain.end();
}

/// From the asked name on, in whatever order the records came: nothing promises one.
fault follow_aliases(const std::vector<record>& records, const question& asked, draft& so_far) {
    auto& chain = so_far.said.chain;
    while (true) {
        const auto aliases = aliases_of(records, so_far.end);
        if (aliases.empty()) {
            return std::nullopt;
        }
        if (aliases.size() > 1) {
            return so_far.end.text() + " has more than one CNAME record";
        }
        if (chain.size() == max_aliases) {
            return asked.name.text() + " leads through more than 16 aliases";
        }
        const auto& target = std::get<dns_name>(aliases[0]->data);
        if (is_on_chain(so_far, asked, target)) {
            return "the alias " + so_far.end.text() + " leads back to " + target.text();
        }
        so_far.least_ttl = std::min(so_far.least_ttl, aliases[0]->ttl);
        chain.push_back(target);
        so_far.end = target;
    }
}

bool is_of_type(const record& one, record_type type) {
    const auto* address = std::get_if<core::ip_address>(&one.data);
    switch (type) {
    case record_type::a:
        return address != nullptr && address->is_v4();
    case record_type::aaaa:
        return address != nullptr && !address->is_v4();
    case record_type::srv:
        return std::holds_alternative<service>(one.data);
    default:
        return false;
    }
}

/// A record that is not an alias.
fault take_data(const record& one, const question& asked, draft& so_far) {
    if (one.owner != so_far.end) {
        return "a record of " + one.owner.text() + " was not asked for: the question led to " +
               so_far.end.text();
    }
    if (!is_of_type(one, asked.type)) {
        return one.owner.text() + " has a record of another type than " +
               std::string(to_string(asked.type));
    }
    if (const auto* address = std::get_if<core::ip_address>(&one.data)) {
        so_far.said.addresses.push_back(*address);
    } else {
        so_far.said.services.push_back(std::get<service>(one.data));
    }
    so_far.least_ttl = std::min(so_far.least_ttl, one.ttl);
    return std::nullopt;
}

fault take_records(const std::vector<record>& records, const question& asked, draft& so_far) {
    for (const auto& one : records) {
        if (!is_alias(one)) {
            if (auto wrong = take_data(one, asked, so_far)) {
                return wrong;
            }
        } else if (!is_on_chain(so_far, asked, one.owner)) {
            return "an alias of " + one.owner.text() + " was not asked for";
        }
    }
    return std::nullopt;
}

/// A single SRV record with the root as target says that there is no such service (RFC 2782).
void drop_service_that_is_none(std::vector<service>& services) {
    if (services.size() == 1 && services[0].target.text().empty()) {
        services.clear();
    }
}

void sort_addresses(std::vector<core::ip_address>& addresses) {
    std::sort(addresses.begin(), addresses.end());
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

/// A denial lasts as long as the SOA record says, and no longer than the aliases that led to it;
/// without a SOA record nothing says how long (RFC 2308 section 5).
std::uint32_t ttl_of(const draft& drawn, bool has_data, const reply& received) {
    return has_data ? drawn.least_ttl
                    : std::min(drawn.least_ttl, received.negative_ttl.value_or(0));
}

answer_status status_of(const answer& said) {
    if (said.rcode == name_error) {
        return answer_status::nx_domain;
    }
    const bool empty = said.addresses.empty() && said.services.empty();
    return empty ? answer_status::no_data : answer_status::found;
}

refused_reply malformed(std::string sentence) {
    return {reply_fault::malformed, std::move(sentence)};
}

} // namespace

std::string rcode_text(std::uint16_t rcode) {
    switch (rcode) {
    case 0:
        return "NOERROR";
    case 1:
        return "FORMERR";
    case 2:
        return "SERVFAIL";
    case 3:
        return "NXDOMAIN";
    case 4:
        return "NOTIMP";
    case 5:
        return "REFUSED";
    default:
        return "rcode " + std::to_string(rcode);
    }
}

boost::system::result<answer, refused_reply> read_answer(const reply& received,
                                                         const question& asked) {
    if (received.truncated) {
        return malformed("the reply is only part of one");
    }
    draft drawn{.end = asked.name};
    drawn.said.rcode = received.rcode;
    drawn.said.authenticated = received.authenticated;
    drawn.said.extended = received.extended;
    if (received.rcode != no_error && received.rcode != name_error) {
        return std::move(drawn.said); // whatever came with it is not the answer
    }
    auto wrong = follow_aliases(received.answers, asked, drawn);
    if (!wrong) {
        wrong = take_records(received.answers, asked, drawn);
    }
    if (wrong) {
        return malformed(std::move(*wrong));
    }
    auto& said = drawn.said;
    const bool has_data = !said.addresses.empty() || !said.services.empty();
    if (has_data && received.rcode == name_error) { // RFC 6604 section 3: it is of the chain's end
        return malformed("the reply denies " + drawn.end.text() + " and has records of it");
    }
    said.ttl = ttl_of(drawn, has_data, received);
    sort_addresses(said.addresses);
    drop_service_that_is_none(said.services);
    said.status = status_of(said);
    return std::move(said);
}

} // namespace roachpin::dns
