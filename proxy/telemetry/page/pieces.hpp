#pragma once

#include "telemetry/event_line.hpp"
#include "telemetry/page/html.hpp"
#include "telemetry/status.hpp"

#include <string_view>
#include <vector>

/// What the page's parts are made of.
namespace roachpin::telemetry::page {

enum class tone { good, plain, warning, bad };

tone tone_of(severity level);

/// A class of page.css.
std::string_view to_string(tone how);

/// A character that says the same without colour.
std::string_view sign(tone how);

/// A sign and a word.
html tag(tone how, std::string_view word);

/// `<time>`, in UTC.
html moment(wall_time when);

/// A cell; `label` is its column's, for screens on which the rows are cards.
html cell(std::string_view label, const html& content);
html cell(std::string_view label, std::string_view text);
html count_cell(std::string_view label, std::uint64_t count);

/// A table with such a caption; `bodies` are its <tbody>.
html table(std::string_view caption, const std::vector<std::string_view>& columns,
           const html& bodies);

/// A part of the page with a heading; `id` is where links lead to.
html section(std::string_view id, std::string_view title, const html& content);

/// An id of an element, the same for the same texts and another for others.
std::string id_of(std::string_view prefix, std::string_view text);

} // namespace roachpin::telemetry::page
