#include "app/own_endpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

std::vector<std::string> own(const std::vector<std::string>& binds) {
    std::vector<settings::listener> listeners;
    for (const auto& bind : binds) {
        listeners.push_back({core::parse_bind_address(bind).value(), ""});
    }
    std::vector<std::string> texts;
    for (const auto& one : app::own_endpoints(listeners)) {
        texts.push_back(one.to_string());
    }
    return texts;
}

TEST(app_own_endpoints, a_listener_is_where_it_is_bound) {
    EXPECT_EQ(own({"10.1.2.3:26257", "unix:/run/x", "[fd00::1]:26258"}),
              (std::vector<std::string>{"10.1.2.3:26257", "[fd00::1]:26258"}));
}

TEST(app_own_endpoints, one_on_every_address_is_at_each_of_the_machine) {
    EXPECT_THAT(own({"0.0.0.0:26257"}), testing::Contains("127.0.0.1:26257"));
    EXPECT_THAT(own({"0.0.0.0:26257"}), testing::Not(testing::Contains("[::1]:26257")));
}

} // namespace
} // namespace roachpin
