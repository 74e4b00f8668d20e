#include "app/pin_command.hpp"

#include "app/exit_code.hpp"
#include "app/observe_nodes.hpp"
#include "app/write_file.hpp"
#include "settings/values.hpp"
#include "telemetry/log.hpp"

#include <iostream>

namespace roachpin::app {
namespace {

/// lock.file as it is: empty, and not `is_there`, where nobody has written one.
struct old_lock {
    bool is_there = false;
    settings::lock_file facts{};
};

/// Nothing where it cannot be read, which was then said.
std::optional<old_lock> read_old(const std::filesystem::path& path) {
    std::error_code unknown;
    if (!std::filesystem::exists(path, unknown) && !unknown) {
        return old_lock{};
    }
    auto loaded = settings::load_lock(path);
    if (!loaded) {
        std::cerr << settings::to_string(loaded.error());
        return std::nullopt;
    }
    return old_lock{true, std::move(*loaded)};
}

net::awaitable<void> keep(net::awaitable<seen_nodes> looking, seen_nodes& into) {
    auto seen = co_await std::move(looking);
    into = std::move(seen);
}

seen_nodes look(prepared& from) {
    telemetry::log log({.least = telemetry::severity::warning});
    core::event_source events({&log}, 0);
    net::asio::io_context here(1);
    std::optional<net::resolver> names;
    if (!from.made.names.empty()) {
        names.emplace(here.get_executor(), std::move(*from.made.resolver), events);
    }
    seen_nodes seen;
    run_to_end(here, keep(observe_nodes(from, names ? &*names : nullptr), seen));
    return seen;
}

int give_up(const std::string& file, const std::vector<std::string>& reasons) {
    for (const auto& reason : reasons) {
        tell(reason);
    }
    tell(file + ": neither written nor compared: not everything could be seen");
    return could_not_finish;
}

int write(const std::string& file, const settings::lock_file& lock) {
    if (const auto failed = write_file(file, settings::to_text(lock))) {
        tell(failed->sentence);
        return could_not_finish;
    }
    std::cout << file << ": written, with " << lock.hosts.size()
              << " host(s); to be reviewed again by " << settings::to_text(lock.review_by) << '\n';
    return ok;
}

int conclude(const pin_flags& flags, const std::string& file, const old_lock& old,
             const settings::lock_file& now) {
    if (!old.is_there && !flags.verify) {
        return write(file, now);
    }
    if (!old.is_there) {
        std::cout << file << ": is not there; write it with roachpin pin\n";
        return failed;
    }
    const auto changes = settings::differences(old.facts, now);
    for (const auto& change : changes) {
        std::cout << change << '\n';
    }
    if (changes.empty()) {
        std::cout << file << ": nothing has changed\n";
    }
    if (flags.update) {
        return write(file, now);
    }
    if (!changes.empty()) {
        tell(file + ": differs from what is there now; after review: roachpin pin --update");
    }
    return changes.empty() ? ok : failed;
}

} // namespace

int pin(const pin_flags& flags) {
    auto from = prepare(flags.config, lock_use::ignore);
    if (!from) {
        return bad_configuration_or_usage;
    }
    if (!from->configuration.lock.file) {
        tell(flags.config + ": lock.file: is not set; name the file to write, such as "
                            "file: roachpin.lock");
        return bad_configuration_or_usage;
    }
    const auto file = from->configuration.lock.file->path.string();
    const auto old = read_old(file);
    if (!old) {
        return bad_configuration_or_usage;
    }
    const auto seen = look(*from);
    if (!seen.failures.empty()) {
        return give_up(file, seen.failures);
    }
    const auto now = to_lock(seen.nodes, old->facts, std::chrono::system_clock::now());
    return now ? conclude(flags, file, *old, *now) : give_up(file, now.error());
}

} // namespace roachpin::app
