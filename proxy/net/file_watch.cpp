#include "net/file_watch.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace roachpin::net {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr core::duration silence = 200ms;
constexpr core::duration longest_patience = 5s; // a log may lie in the same folder
constexpr int most_links = 40;                  // path_resolution(7)

constexpr std::uint32_t any_change = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                     IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF |
                                     IN_MOVE_SELF | IN_ONLYDIR;

std::chrono::nanoseconds to_duration(const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

file_fingerprint fingerprint_of(const fs::path& file) {
    struct stat status {};

    if (::stat(file.c_str(), &status) != 0) {
        return {.failure = errno};
    }
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .size = status.st_size,
            .modified = to_duration(status.st_mtim),
            .changed = to_duration(status.st_ctim)};
}

void put_in_front(std::deque<fs::path>& names, const fs::path& path) {
    const auto relative = path.relative_path();
    names.insert(names.begin(), relative.begin(), relative.end());
}

/// Adds every folder in which a name could be given to something else so that `file` would lead
/// elsewhere: that of each link on the way, and that of the file itself. Where the way ends early,
/// the last folder on it: what is missing would begin there.
void add_folders_on_the_way(const fs::path& file, std::set<fs::path>& folders) {
    std::error_code ignored;
    std::deque<fs::path> names;
    put_in_front(names, fs::absolute(file, ignored));
    fs::path here = "/"; // no link in it, so ".." is its parent
    int links = 0;
    while (!names.empty()) {
        const auto name = names.front();
        names.pop_front();
        if (name.empty() || name == ".") {
            continue;
        }
        const auto next = name == ".." ? here.parent_path() : here / name;
        const auto kind = fs::symlink_status(next, ignored).type();
        if (kind == fs::file_type::symlink) {
            folders.insert(here);
            const auto target = fs::read_symlink(next, ignored);
            if (++links > most_links || target.empty()) {
                return;
            }
            put_in_front(names, target);
            here = target.is_absolute() ? fs::path("/") : here;
        } else if (kind == fs::file_type::directory) {
            here = next;
        } else {
            break;
        }
    }
    folders.insert(here);
}

} // namespace

file_watch::file_watch(executor where, std::vector<fs::path> files, core::duration look_every)
    : files_(std::move(files)), look_every_(look_every) {
    if (const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC); fd >= 0) {
        inotify_.emplace(where, fd);
    }
    watch_folders();
    told_ = look();
}

awaitable<void> file_watch::changed() {
    while (true) {
        // Anew each time, and before the look: a folder may be another one now.
        watch_folders();
        if (look() == told_) {
            co_await wait_for_a_reason_to_look();
        }
        auto now = co_await settle();
        if (now != told_) {
            told_ = std::move(now);
            co_return;
        }
    }
}

/// A folder that is watched already keeps its number; one that cannot be watched is left to the
/// looking.
void file_watch::watch_folders() {
    if (!inotify_) {
        return;
    }
    std::set<fs::path> folders;
    for (const auto& file : files_) {
        add_folders_on_the_way(file, folders);
    }
    const int inotify = inotify_->native_handle();
    std::set<int> watches;
    for (const auto& folder : folders) {
        if (const int number = ::inotify_add_watch(inotify, folder.c_str(), any_change);
            number >= 0) {
            watches.insert(number);
        }
    }
    for (const int old : watches_) {
        if (!watches.contains(old)) {
            ::inotify_rm_watch(inotify, old); // fails where the folder is gone, and the watch too
        }
    }
    watches_ = std::move(watches);
}

std::vector<file_fingerprint> file_watch::look() const {
    std::vector<file_fingerprint> seen;
    std::transform(files_.begin(), files_.end(), std::back_inserter(seen), fingerprint_of);
    return seen;
}

/// Whether something has happened since it was asked last. What it was does not matter: there will
/// be a look.
bool file_watch::take_events() {
    std::array<char, 4096> events{};
    bool any = false;
    while (inotify_ && ::read(inotify_->native_handle(), events.data(), events.size()) > 0) {
        any = true;
    }
    return any;
}

awaitable<void> file_watch::wait_for_a_reason_to_look() {
    using asio::experimental::awaitable_operators::operator||;
    timer alarm(co_await asio::this_coro::executor, look_every_);
    if (!inotify_) {
        co_await alarm.async_wait(use_awaitable);
        co_return;
    }
    const auto first = co_await (inotify_->async_wait(watched_descriptor::wait_read, as_result) ||
                                 alarm.async_wait(as_result));
    const auto [failed] = first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
    if (failed) {
        throw boost::system::system_error(failed);
    }
}

/// What the files are once nothing happens any more. It looks too, and not only listens: there may
/// be nothing to hear. Between two looks it sleeps, whatever happens: a busy log in the same folder
/// shall not keep the thread busy.
awaitable<std::vector<file_fingerprint>> file_watch::settle() {
    timer alarm(co_await asio::this_coro::executor);
    const auto latest = core::clock::now() + longest_patience;
    take_events();
    auto seen = look();
    bool silent = false;
    while (!silent && core::clock::now() < latest) {
        alarm.expires_after(silence);
        co_await alarm.async_wait(use_awaitable);
        const bool heard = take_events();
        auto now = look();
        silent = !heard && now == seen;
        seen = std::move(now);
    }
    co_return seen;
}

} // namespace roachpin::net
