#include "telemetry/log.hpp"

#include "telemetry/log_format.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <new>
#include <poll.h>
#include <string_view>
#include <unistd.h>

namespace roachpin::telemetry {
namespace {

using namespace std::chrono_literals;

/// Lines that wait for a slow reader: half a megabyte of them.
constexpr std::size_t queue_length = 1024;

constexpr auto patience = 2s;

/// The rest of it that could not be written.
std::string_view write_all(int fd, std::string_view rest) {
    while (!rest.empty()) {
        const auto put = ::write(fd, rest.data(), rest.size());
        if (put > 0) {
            rest.remove_prefix(static_cast<std::size_t>(put));
        } else if (put < 0 && errno == EAGAIN) {
            // Who shares the terminal or pipe has made it non-blocking for all.
            pollfd room{fd, POLLOUT, 0};
            ::poll(&room, 1, -1);
        } else if (put == 0 || errno != EINTR) {
            break; // a log that cannot be written must not stop what it is about
        }
    }
    return rest;
}

} // namespace

/// Writes to the descriptor itself: a stdio stream's lock, held in a write that never ends, would
/// also hold up the process's exit.
class log::writer final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit writer(int fd) : fd_(fd) {}

    /// Whether `count` lines were written in time.
    bool wait_for(std::size_t count, std::chrono::steady_clock::duration time) {
        std::unique_lock lock(counting_);
        return grown_.wait_for(lock, time, [&] { return written_ >= count; });
    }

    /// Lines that the system did not take: its disk is full.
    std::size_t refused() const { return refused_; }

    /// Whether it took the last one.
    bool is_taken() const { return taken_; }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        if (broken_off_) {
            line.push_back('\n'); // what is whole stands on a line of its own
        }
        formatter_->format(message, line);
        const auto rest = write_all(fd_, {line.data(), line.size()});
        broken_off_ = rest.empty() ? false : broken_off_ || rest.size() < line.size();
        taken_ = rest.empty();
        refused_ += rest.empty() ? 0U : 1U;
        const std::lock_guard lock(counting_);
        ++written_;
        grown_.notify_all();
    }

    void flush_() override {}

private:
    int fd_;
    std::mutex counting_;
    std::condition_variable grown_;
    std::size_t written_ = 0; ///< or refused
    bool broken_off_ = false; ///< the last octet that was taken is none of a line's end
    std::atomic<bool> taken_ = true;
    std::atomic<std::size_t> refused_ = 0;
};

struct log::left_behind {
    std::shared_ptr<spdlog::logger> logger;
    std::shared_ptr<spdlog::details::thread_pool> thread;
};

log::log(log_options options)
    : least_(options.least), json_(options.json), writer_(std::make_shared<writer>(options.fd)),
      thread_(std::make_shared<spdlog::details::thread_pool>(queue_length, 1)),
      logger_(std::make_shared<spdlog::async_logger>(
          "roachpin", writer_, thread_, spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_pattern("%v"); // the line brings its own time and level, in JSON too
    logger_->set_level(spdlog::level::trace);
}

log::~log() {
    for (const auto& [id, line] : folding_.take_all()) {
        write(id, line);
    }
    if (!writer_->wait_for(submitted_ - thread_->overrun_counter(), patience)) {
        // The thread is in a write that does not end, and its destructor would join it: it is left
        // to the process's own end. Known from here, so that it is no leak to a LeakSanitizer.
        [[maybe_unused]] static left_behind* volatile left = nullptr;
        left = new (std::nothrow) left_behind{logger_, thread_};
    }
}

void log::on_event(core::event_id id, const core::event& what) noexcept {
    try {
        const auto line = describe(what);
        if (line.level >= least_ && is_news(id, line)) {
            say_what_was_lost(id);
            write(id, line);
        }
        if (core::clock::now() >= folded_due_.load()) {
            write_folded();
        }
    } catch (...) { // out of memory: a line is lost, the session is not
    }
}

bool log::is_news(core::event_id id, const event_line& line) {
    if (!line.may_be_folded || least_ == severity::debug) {
        return true;
    }
    const std::lock_guard lock(folding_mutex_);
    const bool news = folding_.is_news(id, line, core::clock::now());
    folded_due_ = folding_.next_due();
    return news;
}

void log::write_folded() {
    const std::lock_guard lock(folding_mutex_);
    for (const auto& [id, line] : folding_.take_due(core::clock::now())) {
        write(id, line);
    }
    folded_due_ = folding_.next_due();
}

void log::change(severity least, bool json) {
    least_ = least;
    json_ = json;
}

void log::write(core::event_id id, const event_line& line) {
    const auto now = std::chrono::system_clock::now();
    ++submitted_;
    logger_->info(json_ ? to_json(now, id, line) : to_text(now, id, line));
}

std::size_t log::lost() const {
    return thread_->overrun_counter() + writer_->refused();
}

/// Once there is room again.
void log::say_what_was_lost(core::event_id id) {
    const auto lost = this->lost();
    if (lost != lost_said_ && writer_->is_taken() && thread_->queue_size() < queue_length / 2) {
        const auto before = lost_said_.exchange(lost);
        write(id, {severity::warning, "log_lines_lost", {{"lost", std::uint64_t{lost - before}}}});
    }
}

} // namespace roachpin::telemetry
