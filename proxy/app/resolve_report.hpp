#pragma once

#include "app/exit_code.hpp"
#include "net/observation.hpp"
#include "policy/pin_policy.hpp"

#include <optional>
#include <string>
#include <vector>

/// What each server says of a name, and what the policy makes of it, for people. Pure.
namespace roachpin::app {

/// A name to ask for, and what its answers are held against.
struct name_question {
    core::dns_name name;
    std::optional<core::dns_name> srv{}; ///< asked for instead
    std::uint16_t port = 0;              ///< 0: of no node
    std::optional<policy::pin_rules> rules{};
    std::string no_policy{}; ///< why there are no rules
};

/// One round of asking. `servers` are called as configured; `told` has what each of them said.
struct resolve_report {
    name_question asked;
    std::vector<std::string> servers;
    std::vector<net::inquiry> told;
    std::vector<policy::observation> said; ///< the same, as the policy sees it
    policy::decision made;                 ///< without rules: what is no matter of rules
};

resolve_report make_report(name_question asked, std::vector<std::string> servers,
                           std::vector<net::inquiry> told, core::time_point now);

/// Whole lines. What servers have chosen is printable in it.
std::string to_text(const resolve_report& report);

/// `ok` where every server's answer is clean and they agree, `could_not_finish` where no server
/// could be reached, otherwise `failed`.
exit_code exit_code_of(const resolve_report& report);

} // namespace roachpin::app
