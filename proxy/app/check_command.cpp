#include "app/check_command.hpp"

#include "app/exit_code.hpp"
#include "app/machine_facts.hpp"
#include "app/observe_cluster.hpp"
#include "app/prepare.hpp"
#include "app/terminal.hpp"
#include "app/version.hpp"
#include "app/write_file.hpp"
#include "audit/steps.hpp"
#include "audit/suppress.hpp"
#include "audit/verdict.hpp"
#include "audit/write_report.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unistd.h>
#include <utility>

namespace roachpin::app {
namespace {

using std::chrono::system_clock;

/// What the flags say, understood.
struct wishes {
    audit::report_format format = audit::report_format::text;
    audit::severity fail_on = audit::severity::high;
    audit::baseline known{}; ///< of the baseline
};

template <class T>
std::optional<T> keep(core::result<T> parsed, const std::string& flag) {
    if (parsed) {
        return std::move(*parsed);
    }
    tell(flag + ": " + parsed.error().sentence);
    return std::nullopt;
}

std::optional<audit::baseline> read_baseline(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) {
        tell("--baseline: " + core::system_error("cannot read " + file).sentence);
        return std::nullopt;
    }
    return keep(audit::read_baseline(text), "--baseline: " + file);
}

/// Whether a file may be made there: known before the nodes are looked at, which takes its time.
bool may_write(const std::filesystem::path& file) {
    std::error_code ignored;
    const auto there = std::filesystem::symlink_status(file, ignored);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
        tell("--output: " + file.string() +
             " is there and is no regular file, which a report would take the place of; without "
             "--output it goes to stdout");
        return false;
    }
    const auto folder = file.has_parent_path() ? file.parent_path() : ".";
    if (::access(folder.c_str(), W_OK | X_OK) == 0) {
        return true;
    }
    tell("--output: " + core::system_error("cannot write to " + folder.string()).sentence);
    return false;
}

/// Nothing where one of them cannot be understood, which was said then.
std::optional<wishes> read_flags(const check_flags& flags) {
    const auto format = keep(audit::parse_format(flags.format), "--format");
    const auto fail_on = keep(audit::parse_threshold(flags.fail_on), "--fail-on");
    std::optional<audit::baseline> known = audit::baseline();
    if (flags.baseline) {
        known = read_baseline(*flags.baseline);
    }
    if (!format || !fail_on || !known || (flags.output && !may_write(*flags.output))) {
        return std::nullopt;
    }
    return wishes{*format, *fail_on, std::move(*known)};
}

/// An observer of events of the questions; the report says all that is to be said.
core::event_source nobody_hears() {
    return {{}, 0};
}

net::awaitable<void> look(const prepared& from, net::resolver* names,
                          std::vector<audit::node_observation>& seen) {
    auto told = co_await observe_cluster(from, names, tell);
    seen = std::move(told);
}

std::vector<audit::node_observation> look_around(prepared& from) {
    auto events = nobody_hears();
    net::asio::io_context here(1);
    std::optional<net::resolver> names;
    if (from.made.resolver && !from.made.names.empty()) {
        names.emplace(here.get_executor(), std::move(*from.made.resolver), events);
    }
    std::vector<audit::node_observation> seen;
    run_to_end(here, look(from, names ? &*names : nullptr, seen));
    return seen;
}

audit::report report_on(prepared& from, const check_flags& flags) {
    audit::observations seen{.file = flags.config, .configuration = from.configuration};
    seen.machine = look_at_machine(flags.config, from);
    seen.offline = flags.offline;
    if (flags.offline) {
        seen.nodes.resize(from.configuration.cluster.nodes.size());
    } else {
        seen.nodes = look_around(from);
    }
    return audit::make_report(seen, system_clock::now());
}

std::string to_text(const audit::report& from, const wishes& wanted, bool colour) {
    switch (wanted.format) {
    case audit::report_format::text:
        return audit::write_text(from, colour);
    case audit::report_format::json:
        return audit::write_json(from, version());
    case audit::report_format::sarif:
        return audit::write_sarif(from, version());
    case audit::report_format::junit:
        break;
    }
    return audit::write_junit(from, wanted.fail_on);
}

/// Whether the report is where it was asked for.
bool deliver(const audit::report& from, const wishes& wanted, const check_flags& flags) {
    if (!flags.output) {
        std::cout << to_text(from, wanted, wants_colour()) << std::flush;
        return std::cout.good();
    }
    if (const auto failed = write_file(*flags.output, to_text(from, wanted, false))) {
        tell("--output: " + failed->sentence);
        return false;
    }
    return true;
}

exit_code code_of(audit::verdict verdict) {
    switch (verdict) {
    case audit::verdict::clean:
        return ok;
    case audit::verdict::findings:
        return failed;
    case audit::verdict::unfinished:
        break;
    }
    return could_not_finish;
}

} // namespace

int check(const check_flags& flags) {
    const auto wanted = read_flags(flags);
    auto from = wanted ? prepare(flags.config, lock_use::keep_to) : std::nullopt;
    if (!from) {
        return bad_configuration_or_usage;
    }
    auto report = report_on(*from, flags);
    audit::apply_suppressions(report, from->configuration.suppress,
                              std::chrono::floor<std::chrono::days>(system_clock::now()));
    audit::apply_baseline(report, wanted->known);
    if (!deliver(report, *wanted, flags)) {
        return could_not_finish;
    }
    return code_of(audit::verdict_on(report, wanted->fail_on));
}

} // namespace roachpin::app
