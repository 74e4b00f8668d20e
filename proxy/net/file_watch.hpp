#pragma once

#include "core/time.hpp"
#include "net/asio.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <filesystem>
#include <optional>
#include <set>
#include <sys/types.h>
#include <vector>

namespace roachpin::net {

/// Which content stands at a path, links followed, without reading it. Content that was written
/// anew is another's, the same octets or not.
struct file_fingerprint {
    int failure = 0; ///< of stat(2); a file that is missing is a state of it like any other
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::chrono::nanoseconds modified{};
    std::chrono::nanoseconds changed{}; ///< its inode: what a rename and utime(2) cannot hide

    friend bool operator==(const file_fingerprint&, const file_fingerprint&) = default;
};

/// Tells when one of a set of files has changed: written in place, replaced by a rename, or by a
/// swap of any link on the way to it, as Kubernetes (`..data`) and certbot (`live/`) do. inotify(7)
/// on the folders says when to look, fingerprints say whether there is something new; where inotify
/// hears of nothing (network file systems, content written through mmap(2)) or is not to be had,
/// looking every minute does.
///
/// Belongs to one thread, the control thread, and holds one descriptor. Never throws for a file
/// system's sake.
class file_watch {
public:
    /// What changes from now on is told: construct it before the files are read. `look_every` is
    /// how often it looks unasked.
    file_watch(executor where, std::vector<std::filesystem::path> files,
               core::duration look_every = std::chrono::minutes(1));
    file_watch(const file_watch&) = delete;
    file_watch& operator=(const file_watch&) = delete;
    ~file_watch() = default;

    /// Ends once some file is not what it was at the last end (at first: at the construction), and
    /// nothing has happened in the folders for 200 ms: a file half written is nobody's concern. It
    /// waits for such silence for 5 s at most. One call at a time; may be cancelled, and what has
    /// changed meanwhile is told by the next call.
    awaitable<void> changed();

private:
    using watched_descriptor = asio::posix::basic_stream_descriptor<executor>;

    void watch_folders();
    std::vector<file_fingerprint> look() const;
    bool take_events();
    awaitable<void> wait_for_a_reason_to_look();
    awaitable<std::vector<file_fingerprint>> settle();

    std::vector<std::filesystem::path> files_;
    core::duration look_every_;
    std::optional<watched_descriptor> inotify_; ///< none: the system has no more of them
    std::set<int> watches_;                     ///< inotify's numbers for the folders
    std::vector<file_fingerprint> told_;        ///< one for each file, as of what was told last
};

} // namespace roachpin::net
