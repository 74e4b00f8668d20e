#include "net/deadline.hpp"
#include "net/file_watch.hpp"
#include "net/task_group.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <optional>
#include <sys/resource.h>
#include <utime.h>

namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr core::duration never = 1h; ///< looks unasked

class file_watch : public testing::Test {
protected:
    void watch(const std::vector<fs::path>& files, core::duration look_every = never) {
        watched.emplace(context.get_executor(), files, look_every);
    }

    /// Whether a change is told, `change` being made once it is listened for.
    bool is_told(const std::function<void()>& change, core::duration within = 20s) {
        bool told = false;
        tasks.spawn(listen(within, told));
        context.restart();
        context.poll(); // it is waiting now
        change();
        context.run();
        return told;
    }

    bool is_told_by_now() {
        return is_told([] {});
    }

    /// That nothing is told can only be waited for; the time is more than twice the silence it
    /// takes for an end, so that one that was going to tell has told.
    bool is_silent(const std::function<void()>& change) { return !is_told(change, 500ms); }

    bool is_silent_now() {
        return is_silent([] {});
    }

    fs::path in(const std::string& name) const { return folder.path() / name; }

    temp_dir folder;
    net::asio::io_context context;
    std::optional<net::file_watch> watched;

private:
    static net::awaitable<bool> as_bool(net::awaitable<void> work) {
        co_await std::move(work);
        co_return true;
    }

    net::awaitable<void> listen(core::duration within, bool& told) {
        const auto heard =
            co_await net::with_deadline(as_bool(watched->changed()), core::clock::now() + within);
        told = heard.has_value();
    }

    net::task_group tasks{context.get_executor()};
};

void append(const fs::path& file, std::string_view text) {
    std::ofstream(file, std::ios::app) << text;
}

TEST_F(file_watch, a_file_written_in_place) {
    folder.write("roachpin.yaml", "old");
    watch({in("roachpin.yaml")});
    EXPECT_TRUE(is_told([&] { folder.write("roachpin.yaml", "new"); }));
    EXPECT_TRUE(is_silent_now()) << "told twice";
    EXPECT_TRUE(is_told([&] { folder.write("roachpin.yaml", "old"); })) << "the second change";
}

TEST_F(file_watch, a_file_that_another_is_renamed_over) {
    folder.write("ca.crt", "same");
    watch({in("other.crt"), in("ca.crt")});
    EXPECT_TRUE(is_told([&] {
        folder.write("ca.crt.new", "same");
        fs::rename(in("ca.crt.new"), in("ca.crt"));
    }));
    EXPECT_TRUE(is_told([&] { append(in("ca.crt"), "+"); })) << "of the new file";
}

/// As its atomic writer does it: the files are links through `..data`, itself a link that is
/// replaced by a rename; the old folder goes a little later.
TEST_F(file_watch, a_volume_of_kubernetes) {
    const auto publish = [&](const std::string& version) {
        fs::create_directory(in(version));
        folder.write(version + "/tls.crt", version);
        fs::create_directory_symlink(version, in("..data_tmp"));
        fs::rename(in("..data_tmp"), in("..data"));
    };
    publish("..2026_01");
    fs::create_symlink("..data/tls.crt", in("tls.crt"));
    watch({in("tls.crt")});
    EXPECT_TRUE(is_told([&] { publish("..2026_02"); }));
    EXPECT_TRUE(is_silent([&] { fs::remove_all(in("..2026_01")); }));
    EXPECT_TRUE(is_told([&] { publish("..2026_03"); }));
    EXPECT_TRUE(is_told([&] { append(in("..2026_03/tls.crt"), "in place"); }));
}

TEST_F(file_watch, the_links_of_certbot) {
    fs::create_directories(in("live"));
    fs::create_directories(in("archive"));
    folder.write("archive/cert1.pem", "1");
    fs::create_symlink("../archive/cert1.pem", in("live/cert.pem"));
    watch({in("live/cert.pem")});
    EXPECT_TRUE(is_told([&] {
        folder.write("archive/cert2.pem", "2");
        fs::remove(in("live/cert.pem"));
        fs::create_symlink("../archive/cert2.pem", in("live/cert.pem"));
    }));
    EXPECT_TRUE(is_told([&] { append(in("archive/cert2.pem"), "in place"); }));
}

TEST_F(file_watch, a_link_to_a_folder_in_the_middle_of_the_way) {
    fs::create_directories(in("releases/1"));
    fs::create_directories(in("releases/2"));
    folder.write("releases/1/roachpin.yaml", "1");
    folder.write("releases/2/roachpin.yaml", "2");
    fs::create_directory_symlink("releases/1", in("current"));
    watch({in("releases/../current/./roachpin.yaml")});
    EXPECT_TRUE(is_told([&] {
        fs::create_directory_symlink(in("releases/2"), in("next"));
        fs::rename(in("next"), in("current"));
    }));
}

TEST_F(file_watch, a_file_deleted_and_made_again) {
    folder.write("crl.pem", "old");
    watch({in("crl.pem")});
    EXPECT_TRUE(is_told([&] { fs::remove(in("crl.pem")); }));
    EXPECT_TRUE(is_told([&] { folder.write("crl.pem", "new"); }));
}

TEST_F(file_watch, a_folder_deleted_and_made_again) {
    fs::create_directory(in("etc"));
    folder.write("etc/crl.pem", "old");
    watch({in("etc/crl.pem")});
    EXPECT_TRUE(is_told([&] { fs::remove_all(in("etc")); }));
    EXPECT_TRUE(is_told([&] {
        fs::create_directory(in("etc"));
        folder.write("etc/crl.pem", "new");
    }));
    EXPECT_TRUE(is_told([&] { append(in("etc/crl.pem"), "in place"); }));
}

TEST_F(file_watch, another_file_of_the_folder_is_no_concern) {
    folder.write("roachpin.yaml", "old");
    watch({in("roachpin.yaml")});
    EXPECT_TRUE(is_silent([&] {
        folder.write("neighbour.yaml", "new");
        append(in("neighbour.yaml"), "newer");
        fs::remove(in("neighbour.yaml"));
    }));
    EXPECT_TRUE(is_told([&] { append(in("roachpin.yaml"), "new"); }));
}

/// Which keeps its size, and utime(2) its date.
TEST_F(file_watch, a_change_that_hides) {
    const auto file = folder.write("roachpin.yaml", "old");
    const utimbuf then{1'000'000'000, 1'000'000'000};
    ASSERT_EQ(::utime(file.c_str(), &then), 0);
    watch({file});
    EXPECT_TRUE(is_told([&] {
        folder.write("roachpin.yaml", "new");
        ASSERT_EQ(::utime(file.c_str(), &then), 0);
    }));
}

TEST_F(file_watch, what_changed_while_nobody_listened) {
    folder.write("roachpin.yaml", "old");
    watch({in("roachpin.yaml")});
    append(in("roachpin.yaml"), "new");
    EXPECT_TRUE(is_told_by_now());
    append(in("roachpin.yaml"), "newer");
    EXPECT_TRUE(is_told_by_now());
    EXPECT_TRUE(is_silent_now());
}

/// A writer that takes its time makes one change, and the last of it is in it.
TEST_F(file_watch, waits_for_the_end_of_a_slow_write) {
    folder.write("roachpin.yaml", "");
    watch({in("roachpin.yaml")});
    std::ofstream slow(in("roachpin.yaml"));
    int left = 6;
    net::timer pause(context.get_executor());
    const std::function<void(net::error_code)> go_on = [&](net::error_code) {
        slow << "more" << std::flush;
        if (--left > 0) {
            pause.expires_after(50ms);
            pause.async_wait(go_on);
        }
    };
    EXPECT_TRUE(is_told([&] { go_on({}); }));
    EXPECT_TRUE(is_silent_now());
}

TEST_F(file_watch, is_cancelled_without_losing_a_change) {
    folder.write("roachpin.yaml", "old");
    watch({in("roachpin.yaml")});
    EXPECT_FALSE(is_told([&] { append(in("roachpin.yaml"), "new"); }, 50ms)) << "it settles";
    EXPECT_TRUE(is_told_by_now());
}

/// No descriptor can be opened while this lives.
class no_descriptors {
public:
    no_descriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{0, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }

    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;

    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST_F(file_watch, looks_now_and_then_where_there_is_no_inotify) {
    folder.write("roachpin.yaml", "old");
    const std::vector<fs::path> files{in("roachpin.yaml")};
    const auto where = context.get_executor();
    auto& started = watched; // UBSan opens a pipe to look at a class with virtual functions
    {
        const no_descriptors while_it_starts;
        started.emplace(where, files, 20ms);
    }
    EXPECT_TRUE(is_told([&] { append(in("roachpin.yaml"), "new"); }));
    EXPECT_TRUE(is_silent_now());
}

/// As of network file systems; here because the folders above are not watched.
TEST_F(file_watch, looks_now_and_then_where_inotify_hears_of_nothing) {
    fs::create_directories(in("a/b"));
    fs::create_directories(in("c/b"));
    folder.write("a/b/roachpin.yaml", "old");
    folder.write("c/b/roachpin.yaml", "new");
    watch({in("a/b/roachpin.yaml")}, 20ms);
    EXPECT_TRUE(is_told([&] {
        fs::rename(in("a"), in("d"));
        fs::rename(in("c"), in("a"));
    }));
    EXPECT_TRUE(is_told([&] { append(in("a/b/roachpin.yaml"), "in place"); }));
}

} // namespace
} // namespace roachpin::test
