#include "app/prepare.hpp"

#include "settings/parse.hpp"
#include "tls/library.hpp"

#include <boost/asio/co_spawn.hpp>

#include <csignal>
#include <iostream>

namespace roachpin::app {
namespace {

/// Whoever looks for the reason why no lock can be made has none yet.
lock_use where_there(const settings::lock& lock, lock_use wanted) {
    std::error_code unknown;
    if (wanted == lock_use::ignore || !lock.file ||
        std::filesystem::exists(lock.file->path, unknown) || unknown) {
        return wanted;
    }
    tell(lock.file->where + ": there is no lock yet, so nothing is held against it");
    return lock_use::ignore;
}

} // namespace

std::optional<prepared> prepare(const std::string& config, lock_use lock) {
    std::signal(SIGPIPE, SIG_IGN);
    auto configuration = settings::load(config, settings::process_environment());
    if (!configuration) {
        std::cerr << settings::to_string(configuration.error());
        return std::nullopt;
    }
    tls::initialise();
    auto made = assemble(*configuration, std::chrono::system_clock::now(),
                         where_there(configuration->lock, lock));
    if (!made) {
        for (const auto& problem : made.error()) {
            tell(problem);
        }
        return std::nullopt;
    }
    return prepared{std::move(*configuration), std::move(*made)};
}

void run_to_end(net::asio::io_context& where, net::awaitable<void> work) {
    std::exception_ptr problem;
    net::asio::co_spawn(where, std::move(work),
                        [&](const std::exception_ptr& thrown) { problem = thrown; });
    where.run();
    if (problem) {
        std::rethrow_exception(problem);
    }
}

void tell(const std::string& sentence) {
    std::cerr << sentence << '\n';
}

} // namespace roachpin::app
