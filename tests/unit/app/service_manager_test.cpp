#include "app/service_manager.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace roachpin::app {
namespace {

using namespace std::chrono_literals;

/// What systemd listens on, at a path or, after '@', an abstract name.
class notify_socket {
public:
    explicit notify_socket(std::string name)
        : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::memcpy(at.sun_path, name.data(), name.size());
        const bool abstract = name.front() == '@';
        if (abstract) {
            at.sun_path[0] = '\0';
        }
        const auto size = offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1);
        EXPECT_EQ(::bind(socket_.number(), reinterpret_cast<const sockaddr*>(&at),
                         static_cast<socklen_t>(size)),
                  0);
    }

    /// The next datagram; "" where none has come. Datagrams between unix sockets wait for nothing.
    std::string said() {
        std::array<char, 1024> octets{};
        const auto got = ::recv(socket_.number(), octets.data(), octets.size(), 0);
        return got < 0 ? "" : std::string(octets.data(), static_cast<std::size_t>(got));
    }

private:
    net::descriptor socket_;
};

class service_manager_test : public testing::Test {
protected:
    service_manager_test() { clear(); }

    ~service_manager_test() override { clear(); }

    static constexpr std::array variables{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                          "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

    static void clear() {
        for (const char* name : variables) {
            ::unsetenv(name);
        }
    }

    static void set(const char* name, const std::string& value) {
        ::setenv(name, value.c_str(), 1);
    }

    std::string path() const { return (folder.path() / "notify").string(); }

    std::optional<core::duration> interval(const std::string& microseconds,
                                           const std::optional<std::string>& pid = {}) const {
        set("NOTIFY_SOCKET", path());
        set("WATCHDOG_USEC", microseconds);
        if (pid) {
            set("WATCHDOG_PID", *pid);
        }
        return service_manager::from_environment().watchdog_interval();
    }

    test::temp_dir folder;
};

TEST_F(service_manager_test, says_how_the_process_fares) {
    notify_socket systemd(path());
    set("NOTIFY_SOCKET", path());
    const auto manager = service_manager::from_environment();
    manager.ready();
    EXPECT_EQ(systemd.said(), "READY=1");
    manager.alive();
    EXPECT_EQ(systemd.said(), "WATCHDOG=1");
    manager.stopping("draining, 3 sessions left");
    EXPECT_EQ(systemd.said(), "STOPPING=1\nSTATUS=draining, 3 sessions left");
    manager.ready("two\nREADY=0");
    EXPECT_EQ(systemd.said(), "READY=1\nSTATUS=two READY=0");
    EXPECT_EQ(systemd.said(), "");
}

std::int64_t monotonic_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

TEST_F(service_manager_test, a_reload_says_when_it_began) {
    notify_socket systemd(path());
    set("NOTIFY_SOCKET", path());
    const auto manager = service_manager::from_environment();
    const auto before = monotonic_now();
    manager.reloading("reloading");
    const auto after = monotonic_now();
    const auto said = systemd.said();
    const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_TRUE(said.starts_with(start)) << said;
    const auto when = std::stoll(said.substr(start.size()));
    EXPECT_GE(when, before);
    EXPECT_LE(when, after);
    EXPECT_TRUE(said.ends_with("\nSTATUS=reloading")) << said;
}

TEST_F(service_manager_test, knows_abstract_names) {
    const auto name = "@roachpin-test-" + std::to_string(::getpid());
    notify_socket systemd(name);
    set("NOTIFY_SOCKET", name);
    service_manager::from_environment().ready();
    EXPECT_EQ(systemd.said(), "READY=1");
}

TEST_F(service_manager_test, children_inherit_nothing_of_it) {
    for (const char* name : variables) {
        set(name, "1");
    }
    service_manager::from_environment();
    for (const char* name : variables) {
        EXPECT_EQ(std::getenv(name), nullptr) << name;
    }
}

/// The numbers of what was handed down; these are this process's own, and stay open.
std::vector<int> taken_from(service_manager manager) {
    std::vector<int> numbers;
    for (auto& one : manager.take_sockets()) {
        numbers.push_back(one.release());
    }
    EXPECT_TRUE(manager.take_sockets().empty());
    return numbers;
}

TEST_F(service_manager_test, has_the_sockets_that_are_for_this_process) {
    const auto handed_down = [](const std::string& count, const std::string& pid) {
        set("LISTEN_FDS", count);
        set("LISTEN_PID", pid);
        return taken_from(service_manager::from_environment());
    };
    const auto own = std::to_string(::getpid());
    EXPECT_EQ(handed_down("2", own), (std::vector<int>{3, 4}));
    EXPECT_EQ(handed_down("0", own), std::vector<int>{});
    EXPECT_EQ(handed_down("2", "1"), std::vector<int>{}) << "another process's";
    EXPECT_EQ(handed_down("2", ""), std::vector<int>{});
    for (const auto* odd :
         {"", "two", "-1", "2 ", "18446744073709551615", "99999999999999999999"}) {
        EXPECT_EQ(handed_down(odd, own), std::vector<int>{}) << odd;
    }
    EXPECT_TRUE(taken_from(service_manager::from_environment()).empty()) << "nobody handed any";
}

TEST_F(service_manager_test, nobody_to_tell_is_no_trouble) {
    const auto tell = [](const service_manager& manager) {
        manager.ready("up");
        manager.reloading();
        manager.stopping();
        manager.alive();
    };
    set("WATCHDOG_USEC", "1000000");
    const auto unasked = service_manager::from_environment();
    tell(unasked);
    EXPECT_EQ(unasked.watchdog_interval(), std::nullopt);
    for (const auto& odd : {std::string(), std::string("/"), std::string("@"),
                            std::string("run/notify"), std::string("vsock:2:1234"),
                            "/" + std::string(200, 'x'), path() /* nobody listens there */}) {
        set("NOTIFY_SOCKET", odd);
        tell(service_manager::from_environment());
    }
}

TEST_F(service_manager_test, a_manager_that_does_not_read_holds_nobody_up) {
    notify_socket systemd(path());
    set("NOTIFY_SOCKET", path());
    const auto manager = service_manager::from_environment();
    for (int i = 0; i < 10'000; ++i) { // far beyond net.unix.max_dgram_qlen
        manager.alive();
    }
    EXPECT_EQ(systemd.said(), "WATCHDOG=1");
}

TEST_F(service_manager_test, the_watchdog_is_fed_twice_as_often_as_asked_where_it_is_ours) {
    EXPECT_EQ(interval("30000000"), 15s);
    EXPECT_EQ(interval("30000000", std::to_string(::getpid())), 15s);
    EXPECT_EQ(interval("30000000", std::to_string(::getppid())), std::nullopt);
    EXPECT_EQ(interval("30000000", "nonsense"), std::nullopt);
    EXPECT_EQ(interval("1"), 1ms);
    EXPECT_EQ(interval("18446744073709551615"), 1h);
    for (const char* odd : {"", "0", "-1", "5s", "99999999999999999999"}) {
        EXPECT_EQ(interval(odd), std::nullopt) << odd;
    }
}

} // namespace
} // namespace roachpin::app
