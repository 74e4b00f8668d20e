#pragma once

#include "support/fake_cockroach.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace roachpin::test {

/// The records of all connections: written by the server's thread, read and waited for by tests.
class record_book {
public:
    using records = std::vector<connection_record>;

    std::uint64_t add(std::string peer) {
        std::uint64_t id = 0;
        {
            const std::lock_guard lock{mutex_};
            id = records_.size() + 1;
            auto& record = records_.emplace_back();
            record.id = id;
            record.peer = std::move(peer);
        }
        changed_.notify_all();
        return id;
    }

    template <class Change>
    void update(std::uint64_t id, const Change& change) {
        {
            const std::lock_guard lock{mutex_};
            change(records_.at(id - 1));
        }
        changed_.notify_all();
    }

    [[nodiscard]] connection_record record(std::uint64_t id) const {
        const std::lock_guard lock{mutex_};
        return records_.at(id - 1);
    }

    [[nodiscard]] records all() const {
        const std::lock_guard lock{mutex_};
        return records_;
    }

    template <class Question>
    [[nodiscard]] auto ask(const Question& question) const {
        const std::lock_guard lock{mutex_};
        return question(records_);
    }

    template <class Predicate>
    bool wait_until(const Predicate& done, std::chrono::milliseconds patience) const {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, patience, [&] { return done(records_); });
    }

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    records records_;
};

} // namespace roachpin::test
