#include "telemetry/admin_pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using telemetry::admin_source;
using telemetry::http_answer;
using telemetry::readiness_mode;
using testing::HasSubstr;

admin_source healthy() {
    return {.status = [] { return telemetry::status{.version = "0.1.0", .ready = true}; },
            .metrics = [] { return "roachpin_ready 1\n"; },
            .live = [] { return std::nullopt; },
            .started = [] { return std::nullopt; },
            .ready =
                [](readiness_mode) {
                    return std::nullopt;
                }};
}

http_answer get(const std::string& target, admin_source from = healthy(),
                const std::string& method = "GET") {
    return telemetry::admin_pages(std::move(from), true)({method, target, "127.0.0.1:9257"});
}

std::string header(const http_answer& answer, std::string_view name) {
    for (const auto& [known, value] : answer.headers) {
        if (known == name) {
            return std::string(value);
        }
    }
    return "";
}

TEST(telemetry_admin_pages, metrics_are_told_as_prometheus_reads_them) {
    const auto answer = get("/metrics");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body, "roachpin_ready 1\n");
    EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
}

TEST(telemetry_admin_pages, the_page_comes_with_its_style_its_script_and_its_policy) {
    const auto page = get("/");
    EXPECT_EQ(page.status, 200U);
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    EXPECT_THAT(header(page, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
    EXPECT_EQ(get("/page.css").content_type, "text/css; charset=utf-8");
    EXPECT_EQ(get("/page.js").content_type, "text/javascript; charset=utf-8");
    EXPECT_EQ(get("/status").content_type, "application/json");
    EXPECT_THAT(get("/status").body, HasSubstr("\"format\":1"));
}

TEST(telemetry_admin_pages, probes_say_ok_or_why_not) {
    auto ill = healthy();
    ill.live = [] {
        return "1 of 2 threads hangs";
    };
    ill.started = [] {
        return "no node yet";
    };
    for (const auto* path : {"/livez", "/readyz", "/startupz"}) {
        EXPECT_EQ(get(path).status, 200U) << path;
        EXPECT_EQ(get(path).body, "ok\n") << path;
    }
    EXPECT_EQ(get("/livez", ill).status, 503U);
    EXPECT_EQ(get("/livez", ill).body, "1 of 2 threads hangs\n");
    EXPECT_EQ(get("/startupz", ill).body, "no node yet\n");
}

TEST(telemetry_admin_pages, readiness_is_asked_for_in_a_mode) {
    auto from = healthy();
    from.ready = [](readiness_mode mode) -> admin_source::probe {
        switch (mode) {
        case readiness_mode::process:
            return std::nullopt;
        case readiness_mode::any:
            return "any";
        case readiness_mode::all:
            break;
        }
        return "all";
    };
    EXPECT_EQ(get("/readyz?mode=process", from).status, 200U);
    EXPECT_EQ(get("/readyz", from).body, "any\n");
    EXPECT_EQ(get("/readyz?mode=any", from).body, "any\n");
    EXPECT_EQ(get("/readyz?mode=all", from).body, "all\n");
    EXPECT_EQ(get("/readyz?mode=some", from).status, 400U);
    EXPECT_EQ(get("/readyz?verbose", from).status, 400U);
}

TEST(telemetry_admin_pages, nothing_but_get) {
    for (const auto* method : {"POST", "HEAD", "PUT", "DELETE", "OPTIONS", "get", ""}) {
        const auto answer = get("/metrics", healthy(), method);
        EXPECT_EQ(answer.status, 405U) << method;
        EXPECT_EQ(header(answer, "Allow"), "GET") << method;
    }
}

TEST(telemetry_admin_pages, what_there_is_not_names_what_there_is) {
    for (const auto* target :
         {"/nope", "", "*", "/metrics/", "//metrics", "/reload", "http://elsewhere/metrics"}) {
        const auto answer = get(target);
        EXPECT_EQ(answer.status, 404U) << target;
        EXPECT_THAT(answer.body, HasSubstr("/metrics")) << target;
    }
}

TEST(telemetry_admin_pages, no_browser_keeps_or_guesses_or_lends_it) {
    for (const auto* target : {"/metrics", "/readyz", "/nope"}) {
        const auto answer = get(target);
        EXPECT_EQ(header(answer, "Cache-Control"), "no-store");
        EXPECT_EQ(header(answer, "X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(header(answer, "Cross-Origin-Resource-Policy"), "same-origin");
    }
}

/// A web page whose name was made to lead here (DNS rebinding) says that name as Host.
TEST(telemetry_admin_pages, on_loopback_a_host_is_an_address_or_localhost) {
    const auto by = [](const std::string& host, bool loopback_only = true) {
        return telemetry::admin_pages(healthy(), loopback_only)({"GET", "/livez", host}).status;
    };
    for (const auto* host : {"", "localhost", "localhost:9257", "127.0.0.1", "127.0.0.1:9257",
                             "[::1]:9257", "[::1]"}) {
        EXPECT_EQ(by(host), 200U) << host;
    }
    for (const auto* host : {"evil.example", "evil.example:9257", "127.0.0.1.evil.example",
                             "localhost.evil.example", "[evil]", "[", "::1"}) {
        EXPECT_EQ(by(host), 421U) << host;
    }
    EXPECT_EQ(by("roachpin.monitoring.svc:9257", false), 200U);
}

} // namespace
} // namespace roachpin
