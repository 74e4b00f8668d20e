#include "audit/wording.hpp"

#include "policy/listed.hpp"

#include <cstdio>

namespace roachpin::audit {
namespace {

using std::chrono::system_clock;

std::string authenticity_text(policy::authenticity proof) {
    switch (proof) {
    case policy::authenticity::secure:
        return "; authenticated";
    case policy::authenticity::insecure:
        return "; not authenticated";
    case policy::authenticity::bogus:
        return "; bogus";
    case policy::authenticity::unknown:
        break;
    }
    return "";
}

} // namespace

std::string day_of(std::chrono::year_month_day day) {
    std::string text(16, '\0');
    const auto size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", int{day.year()},
                                    unsigned{day.month()}, unsigned{day.day()});
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string day_of(system_clock::time_point time) {
    return day_of(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)));
}

std::string ending(system_clock::time_point ends, system_clock::time_point now) {
    if (ends <= now) {
        return "has ended on " + day_of(ends);
    }
    const auto days = std::chrono::floor<std::chrono::days>(ends - now).count();
    return "ends on " + day_of(ends) + ", in " + std::to_string(days) +
           (days == 1 ? " day" : " days");
}

severity level_of_ending(system_clock::time_point ends, system_clock::time_point now) {
    return ends <= now ? severity::critical : severity::medium;
}

std::string server_name(const observations& seen, std::size_t server) {
    return seen.configuration.resolver.servers.at(server).text;
}

std::string records_text(const policy::named_answer& said) {
    const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(said.ttl).count();
    return (said.chain.empty() ? "" : "alias " + policy::listed(said.chain) + "; ") +
           policy::listed(said.endpoints) + "; ttl " + std::to_string(ttl) + "s" +
           authenticity_text(said.proof);
}

} // namespace roachpin::audit
